"""Objects of several pictures as arrays of one shape, as outputs of a network have to be."""

from __future__ import annotations

import numpy as np

from .config import Config
from .regions import Regions


def pack(
    found: Regions, scores: np.ndarray, pictures: int, size: tuple[int, ...], config: Config
) -> tuple[dict[str, np.ndarray], Regions, np.ndarray, np.ndarray]:
    """Lay the objects of each picture into `max_objects` rows: boxes (n, most, 4), scores (n, most), count (n,).

    Also returns the regions whose masks are to be drawn, one at least; which of them each row is, (n, most) int64; and
    whether there is one, (n, most) float32.
    """
    most = config.max_objects
    boxes, values = np.zeros((pictures, most, 4), np.float32), np.zeros((pictures, most), np.float32)
    rows, is_there = np.zeros((pictures, most), np.int64), np.zeros((pictures, most), np.float32)
    for i in range(pictures):
        own = np.flatnonzero(found.pictures == i)
        boxes[i, : len(own)], values[i, : len(own)] = found.boxes[own], scores[own]
        rows[i, : len(own)], is_there[i, : len(own)] = own, 1
    count = is_there.sum(axis=1)
    if not len(found.boxes):
        whole = np.array([[0.0, 0.0, size[1], size[0]]])
        found = Regions(whole, np.zeros(1, np.int64), np.zeros(1, np.int64))
    return {"boxes": boxes, "scores": values, "count": count}, found, rows, is_there
