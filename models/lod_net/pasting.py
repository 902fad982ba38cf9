"""Masks of regions as outlines in the picture, and back."""

from __future__ import annotations

import numpy as np

from .config import MASK_SIDE

COVERED = 0.5  # an object that better ones hide to this share is not told apart from them
Window = tuple[slice, slice]


def paste(probabilities: np.ndarray, box: np.ndarray, size: tuple[int, ...]) -> tuple[Window, np.ndarray]:
    """Draw a mask (28, 28) into its box: the window of the picture (h, w), and the probabilities in it.

    Bilinear; beyond the outer cells' middles they fall to zero.
    """
    h, w = size
    rows, row_weights = _weights(float(box[1]), float(box[3]), h)
    columns, column_weights = _weights(float(box[0]), float(box[2]), w)
    return (rows, columns), row_weights @ probabilities @ column_weights.T


def lay_out(
    windows: list[tuple[Window, np.ndarray]], size: tuple[int, ...], least_px: int
) -> tuple[np.ndarray, np.ndarray]:
    """Lay masks over each other, the best first: a map (h, w) int32 of 1, 2, ... and the places of those in it.

    A pixel is the best one's that has it; what is smaller than `least_px`, or mostly hidden, is left out.
    """
    instances, kept = np.zeros(size, np.int32), []
    for i, (window, inside) in enumerate(windows):
        free = inside & (instances[window] == 0)
        if free.sum() < max(least_px, COVERED * inside.sum()):
            continue
        kept.append(i)
        instances[window][free] = len(kept)
    return instances, np.array(kept, np.int64)


def border_points(border: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """List the marked places (n, 28, 28) of boxes (n, 4) in the picture: rows (m, 3) of number from 1, x, y [px]."""
    number, row, column = np.nonzero(border > 0.5)
    low, side = boxes[number, :2], boxes[number, 2:] - boxes[number, :2]
    place = low + (np.column_stack([column, row]) + 0.5) / MASK_SIDE * side
    return np.column_stack([number + 1, place]).astype(np.float32)


def _weights(low: float, high: float, length: int) -> tuple[slice, np.ndarray]:
    first, last = max(0, int(np.floor(low))), min(length, int(np.ceil(high)))
    middles = np.arange(first, max(first, last)) + 0.5
    at = (middles - low) / (high - low) * MASK_SIDE - 0.5
    return slice(first, max(first, last)), np.clip(1 - np.abs(at[:, None] - np.arange(MASK_SIDE)), 0, None)
