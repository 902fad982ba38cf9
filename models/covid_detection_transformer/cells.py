"""Cells of a map: where they lie, and which of them become queries."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

STEPS_PER_LOGIT = 1000  # a smaller difference is rounding: the first cell is chosen, in either framework


def cell_centres(h: int, w: int, cell: float) -> np.ndarray:
    """Return the middles (1, h * w, 2), x first, of cells of one size."""
    y, x = np.mgrid[:h, :w]
    return ((np.stack([x, y], axis=-1).reshape(1, h * w, 2) + 0.5) * cell).astype(np.float32)


def choose(heat: np.ndarray, count: int) -> np.ndarray:
    """Choose cells of heat maps (n, classes, h, w), the largest of their 3 x 3 cells first.

    Returns the places (n, count), ascending, in the flattened map. Equal cells are taken in their order, so that both
    frameworks choose the same ones.
    """
    steps = np.round(np.asarray(heat, np.float64).max(axis=1) * STEPS_PER_LOGIT)
    is_peak = steps == ndimage.maximum_filter(steps, (1, 3, 3), mode="nearest")
    rank = np.where(is_peak, steps, steps - 2 * np.abs(steps).max() - 1)  # whatever is no peak comes later
    order = np.argsort(-rank.reshape(len(rank), -1), axis=1, kind="stable")
    return np.sort(order[:, :count], axis=1)


def one_hot(places: np.ndarray, count: int) -> np.ndarray:
    """Return (n, k, count) float32 with a 1 at each of the places (n, k): a product with it reads them."""
    return np.eye(count, dtype=np.float32)[places]
