"""Boxes that regions are told relative to: anchors, the steps from one box to another, which object a box means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from zoo.common.boxes import from_centre_size, iou, to_centre_size

from .config import RATIOS, STRIDES

LARGEST_LOG = math.log(1000 / 16)  # of a side's growth
HIGH, LOW = 0.7, 0.3  # IoU from which an anchor is an object, and below which it is none


@lru_cache(maxsize=16)
def anchors_of(size: tuple[int, int], sides_px: tuple[float, ...]) -> tuple[np.ndarray, ...]:
    """Lay the anchors of each level over a canvas of `size` (h, w): (rows * columns * 3, 4) corners [px] per level.

    An anchor of side s and ratio r is s / sqrt(r) wide and s sqrt(r) high, about the corner of its cell.
    """
    levels = []
    for stride, side in zip(STRIDES, sides_px, strict=True):
        rows, columns = (-(-length // stride) for length in size)
        y, x = np.meshgrid(np.arange(rows) * stride, np.arange(columns) * stride, indexing="ij")
        shape = np.array([(side / math.sqrt(r), side * math.sqrt(r)) for r in RATIOS])
        grid = np.empty((rows, columns, len(RATIOS), 4))
        grid[..., 0], grid[..., 1] = x[..., None], y[..., None]
        grid[..., 2:] = shape
        levels.append(from_centre_size(grid.reshape(-1, 4)))
        levels[-1].setflags(write=False)
    return tuple(levels)


def steps_to(boxes: np.ndarray, goals: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """Return the steps (n, 4) from boxes to goals: centre in sides, sides in logarithms, times weights."""
    old, new = to_centre_size(boxes), to_centre_size(goals)
    steps = np.hstack([(new[:, :2] - old[:, :2]) / old[:, 2:], np.log(new[:, 2:] / old[:, 2:])])
    return steps * weights


def moved(boxes: np.ndarray, steps: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """Undo `steps_to`: return the boxes that the steps lead to; a side grows at most 62.5 times."""
    old = to_centre_size(boxes)
    steps = np.asarray(steps, np.float64) / weights
    sides = old[:, 2:] * np.exp(np.minimum(steps[:, 2:], LARGEST_LOG))
    return from_centre_size(np.hstack([old[:, :2] + steps[:, :2] * old[:, 2:], sides]))


def match_anchors(anchors: np.ndarray, objects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tell of each anchor which object (n,) it means, and whether it is one (1), none (0) or neither (-1).

    An object takes the anchors of IoU 0.7 and more, and in any case those that come closest to it.
    """
    if not len(objects):
        return np.zeros(len(anchors), np.int64), np.zeros(len(anchors), np.int64)
    overlap = iou(anchors, objects)
    best = overlap.max(axis=1)
    kind = np.where(best >= HIGH, 1, np.where(best < LOW, 0, -1))
    closest = overlap.max(axis=0)
    kind[((overlap == closest) & (closest > 0)).any(axis=1)] = 1
    return overlap.argmax(axis=1), kind


def match_regions(regions: np.ndarray, objects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tell of each region which object (n,) it means, and whether it is one: IoU of 0.5 and more."""
    if not len(objects):
        return np.zeros(len(regions), np.int64), np.zeros(len(regions), bool)
    overlap = iou(regions, objects)
    return overlap.argmax(axis=1), overlap.max(axis=1) >= 0.5
