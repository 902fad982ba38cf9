"""Masks of which only a part is kept, as a hurried reader would mark it; everything else is unknown."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from zoo.common.labels import UNKNOWN

AWAY = (0.05, 0.15)  # of the shorter side: how far from the objects the nearest scribble of the background runs
FURTHER = ((0.3, 0.5), (0.6, 0.8))  # shares of the largest distance: where the others run, or far places stay unseen
ARC = (0.4, 0.8)  # share of the way around them that it takes
LENGTH = (0.6, 0.9)  # share of an object's length that its scribble takes
POINTS = 3  # marked in each object and in the background


def scribbles(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Keep a curve through the middle of each object, and arcs around all of them; a line where there is none."""
    kept = np.full(mask.shape, UNKNOWN, np.int16)
    for label, part in _objects(mask):
        kept[_thick(_spine(part, rng)) & part] = label
    kept[_thick(_around(mask > 0, rng)) & (mask == 0)] = 0
    return kept


def points(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Keep some spots of each object and of the background."""
    kept = np.full(mask.shape, UNKNOWN, np.int16)
    for label, part in [*_objects(mask), (0, mask == 0)]:
        places = np.flatnonzero(part)
        marks = np.zeros(mask.shape, bool)
        marks.flat[rng.choice(places, min(POINTS, len(places)), replace=False)] = True
        kept[_thick(marks) & part] = label
    return kept


def boxes(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Keep what lies outside the boxes of all objects as background, and the innermost pixels of each object."""
    kept = np.zeros(mask.shape, np.int16)
    parts = _objects(mask)
    for _, part in parts:
        rows, columns = np.nonzero(part)
        kept[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = UNKNOWN
    for label, part in parts:
        depth = ndimage.distance_transform_edt(np.pad(part, 1))[1:-1, 1:-1]
        kept[depth >= 0.8 * depth.max()] = label
    return kept


def _objects(mask: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """List the parts of each class that hang together, with their class."""
    found = []
    for label in np.unique(mask[(mask > 0) & (mask != UNKNOWN)]):
        numbered, count = ndimage.label(mask == label)
        found += [(int(label), numbered == number) for number in range(1, count + 1)]
    return found


def _spine(part: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the middle of a part in each row, or in each column where it is wider than high, over most of it."""
    rows, columns = np.nonzero(part)
    is_wide = np.ptp(columns) > np.ptp(rows)
    along, across = (columns, rows) if is_wide else (rows, columns)
    length = np.ptp(along) + 1
    taken = max(1, round(length * rng.uniform(*LENGTH)))
    first = along.min() + int(rng.integers(length - taken + 1))
    spine = np.zeros_like(part)
    for place in range(first, first + taken):
        here = np.sort(across[along == place])
        if here.size:
            middle = int(here[here.size // 2])
            spine[(middle, place) if is_wide else (place, middle)] = True
    return spine


def _around(objects: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an arc close around all objects, and two further out."""
    h, w = objects.shape
    if not objects.any():
        line = np.zeros_like(objects)
        line[int(rng.integers(h // 4, h - h // 4)), w // 4 : w - w // 4] = True
        return line
    distance = ndimage.distance_transform_edt(~objects)
    rows, columns = np.nonzero(objects)
    angle = np.arctan2(np.arange(h)[:, None] - rows.mean(), np.arange(w)[None] - columns.mean())
    arcs = np.zeros_like(objects)
    for away in (
        max(2.0, min(h, w) * rng.uniform(*AWAY)),
        *(distance.max() * rng.uniform(*share) for share in FURTHER),
    ):
        ring = np.abs(distance - away) <= 0.5
        if not ring.any():  # the objects leave no such place
            continue
        middle = angle[ring][rng.integers(ring.sum())]  # some place of the ring that lies in the picture
        turn = np.abs((angle - middle + np.pi) % (2 * np.pi) - np.pi)
        arcs |= ring & (turn < np.pi * rng.uniform(*ARC))
    return arcs


def _thick(line: np.ndarray) -> np.ndarray:
    """Widen a line to about three pixels, in large pictures to about a fiftieth of the shorter side."""
    return ndimage.binary_dilation(line, iterations=max(1, round(min(line.shape) / 100)))
