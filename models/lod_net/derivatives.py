"""Oriented derivatives of a mask: where neighbours lie, what they should be, which places are the border.

Targets as in section 3.1 of Cheng et al. 2021, in the form that its text means: neighbours are looked up in pixels of
the mask, (y, x); the published code hands them over in the other order and another unit, and reads one corner.
"""

from __future__ import annotations

import numpy as np

from .config import MASK_SIDE

RING = np.array([(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)], np.float32)  # (dy, dx)
DIRECTIONS = len(RING)
FLAT = (1 / np.sqrt((RING**2).sum(axis=1) + 1)).astype(np.float32)  # (8,) value where the mask does not change
DIGITS = 4  # of what is ranked: what differs in its last bits only is a tie in either framework
LAST = MASK_SIDE - 1


def places() -> np.ndarray:
    """Return where each place looks in each direction without an offset: (8, 2, side, side), (y, x), float32."""
    grid = np.indices((MASK_SIDE, MASK_SIDE)).astype(np.float32)
    return RING[:, :, None, None] + grid


def neighbours(masks: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Look up what is constant in the targets of masks (n, side, side) with offsets (n, 8, 2, side, side).

    Returns the upper left of the four pixels around each neighbour, (n, 8, 2, side, side); their values, (4, n, 8,
    side, side): upper left, upper right, lower left, lower right; and 1 / sqrt(distance^2 + 1), (n, 8, side, side).
    """
    at = np.clip(places() + offsets, 0, LAST)
    first = np.minimum(np.floor(at), LAST - 1).astype(np.int64)
    y, x = first[:, :, 0], first[:, :, 1]
    row = np.arange(len(masks))[:, None, None, None]
    corners = np.stack([masks[row, y + dy, x + dx] for dy in (0, 1) for dx in (0, 1)])
    step = RING[:, :, None, None] + offsets
    nearness = 1 / np.sqrt((step**2).sum(axis=2) + 1)
    return first.astype(np.float32), corners.astype(np.float32), nearness.astype(np.float32)


def border(derivatives: np.ndarray, points: int, selection: str) -> np.ndarray:
    """Mark the places of the border of each mask: (n, side, side) float32, from derivatives (n, 8, side, side).

    In each direction the `points` largest count; their values are added up, and the `points` largest sums are the
    border. `flat` ranks how far a derivative lies above its value in flat regions, and marks nothing where none does;
    `reference` ranks derivatives as they are, which flat regions may win.
    """
    n = len(derivatives)
    values = np.asarray(derivatives, np.float64)
    if selection == "flat":
        values = np.maximum(values - FLAT[:, None, None], 0)
    values = np.round(values, DIGITS).reshape(n * DIRECTIONS, -1)
    sums = np.where(_largest(values, points), values, 0).reshape(n, DIRECTIONS, -1).sum(axis=1)
    sums = np.round(sums, DIGITS)
    marked = _largest(sums, points)
    if selection == "flat":
        marked &= sums > 0
    return marked.reshape(n, MASK_SIDE, MASK_SIDE).astype(np.float32)


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Mark the `count` largest values of each row, the first of equals first."""
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    marked = np.zeros(values.shape, bool)
    np.put_along_axis(marked, order, True, axis=1)
    return marked
