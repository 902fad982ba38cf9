"""Polygons as pixels."""

from __future__ import annotations

import numpy as np


def fill_polygon(vertices: np.ndarray, size: tuple[int, ...]) -> tuple[tuple[slice, slice], np.ndarray]:
    """Find the pixels whose centres lie in a polygon (n, 2) of x, y; even-odd rule, centres at whole coordinates.

    Returns the window of the picture (h, w) that the polygon may touch, and a bool array of that window.
    """
    x, y = np.asarray(vertices, np.float64).T
    rows = slice(max(int(np.ceil(y.min())), 0), max(min(int(np.floor(y.max())) + 1, size[0]), 0))
    columns = slice(max(int(np.ceil(x.min())), 0), max(min(int(np.floor(x.max())) + 1, size[1]), 0))
    place = (slice(rows.start, max(rows.stop, rows.start)), slice(columns.start, max(columns.stop, columns.start)))
    at_y = np.arange(place[0].start, place[0].stop)[:, None]
    at_x = np.arange(place[1].start, place[1].stop)
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    crosses = (y <= at_y) != (next_y <= at_y)  # (rows, edges)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = x + (at_y - y) * (next_x - x) / (next_y - y)
    right = crosses[:, None] & (crossing[:, None] > at_x[:, None])  # (rows, columns, edges)
    return place, right.sum(-1) % 2 == 1
