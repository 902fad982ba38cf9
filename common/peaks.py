"""Peaks in the target maps of detectors by centres (Law & Deng 2018; Zhou et al. 2019)."""

from __future__ import annotations

import numpy as np

MIN_OVERLAP = 0.7  # of a box with the true one when its corners lie within the radius (CornerNet)


def gaussian_radius(height: float, width: float, overlap: float = MIN_OVERLAP) -> float:
    """Return the radius of the peak for a box [cells].

    The published code leaves out the 2a of the quadratic formula, which makes the radius 3.3 times the intended one;
    kept, since the published weights were trained with it.
    """
    total, product = height + width, height * width
    both_out = total + np.sqrt(total**2 - 4 * product * (1 - overlap) / (1 + overlap))
    both_in = 2 * total + np.sqrt(4 * total**2 - 16 * (1 - overlap) * product)
    one_each = -2 * overlap * total + np.sqrt(4 * (overlap * total) ** 2 + 16 * overlap * (1 - overlap) * product)
    return float(min(both_out, both_in, one_each) / 2)


def draw_gaussian(heat_map: np.ndarray, cell: tuple[int, int], radius: int, sigma: float = 0.0) -> None:
    """Raise a map (h, w) in place to a peak of 1 at cell (x, y), cut off beyond `radius` cells.

    sigma: deviation [cells]; 0 takes a sixth of the peak's width, as published.
    """
    h, w = heat_map.shape
    y, x = np.ogrid[:h, :w]
    dx, dy = x - cell[0], y - cell[1]
    sigma = sigma or (2 * radius + 1) / 6
    peak = np.exp(-(dx**2 + dy**2) / (2 * sigma**2)) * ((np.abs(dx) <= radius) & (np.abs(dy) <= radius))
    np.maximum(heat_map, peak.astype(np.float32), out=heat_map)
