"""Maps of bells: what a network that finds points is trained to draw."""

from __future__ import annotations

import numpy as np

REACH = 5  # of a bell, as a multiple of its sigma; exp(-12.5) is left out


def draw_bells(points: np.ndarray, size: tuple[int, ...], classes: int, sigma_px: float) -> np.ndarray:
    """Draw max over points of exp(-distance^2 / (2 sigma^2)), one map per class: (classes, h, w) in [0, 1].

    points: (k, 3) class, x, y [px], (0, 0) the centre of the first pixel. Bells do not add up: a map of probability
    is 1 at each cell, however near the next one is.
    """
    heat = np.zeros((classes, *size), np.float32)
    reach = int(np.ceil(REACH * sigma_px))
    for kind, x, y in np.asarray(points, np.float64).reshape(-1, 3):
        top, left = max(0, round(y) - reach), max(0, round(x) - reach)
        part = heat[int(kind), top : max(0, round(y) + reach + 1), left : max(0, round(x) + reach + 1)]
        down = np.exp(-((np.arange(top, top + part.shape[0]) - y) ** 2) / (2 * sigma_px**2))
        right = np.exp(-((np.arange(left, left + part.shape[1]) - x) ** 2) / (2 * sigma_px**2))
        np.maximum(part, np.multiply.outer(down, right), out=part)
    return heat
