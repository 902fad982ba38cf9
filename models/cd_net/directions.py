"""What CD-Net learns beside the regions: the centre of every object, and from each pixel the direction of it.

Label maps are (h, w) integers, 0 = background, any positive numbers = objects. Directions are classes: 0 background,
class i + 1 points at -180 + 45 i degrees from +x towards +y, which is down.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.ndimage import gaussian_filter

from zoo.common.tta import View

from .config import DIRECTIONS

STEP_DEG = 360 / DIRECTIONS
HEIGHT, SIGMA_PX = 255.0, 2.0  # of the impulse at a centre, and of the bell that it is smoothed to
VECTORS = np.array([(0, 0), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1)])  # (dy, dx) by class
DIAGONAL = math.sqrt(2)


def find_centres(instances: np.ndarray) -> np.ndarray:
    """Find the pixel of each object from which eight rays to its border differ least; (n, 2) of (y, x), by number.

    Of equal pixels, that next to the object's centre of mass. A disc gives its centre (He et al. 2021, section 3.2).
    """
    y, x = np.nonzero(instances)
    numbers, own = _number(instances[y, x])
    if not len(numbers):
        return np.zeros((0, 2), np.int64)
    shortest, longest = np.full(len(y), np.inf, np.float32), np.zeros(len(y), np.float32)
    for rays in _rays(instances, y, x):
        np.minimum(shortest, rays, out=shortest)
        np.maximum(longest, rays, out=longest)
    roundness = shortest / longest
    best = np.zeros(len(numbers), np.float32)
    np.maximum.at(best, own, roundness)
    area = np.bincount(own)
    off_y, off_x = (value - (np.bincount(own, value) / area)[own] for value in (y, x))
    tied = np.flatnonzero(roundness == best[own])
    tied = tied[np.lexsort((off_y[tied] ** 2 + off_x[tied] ** 2, own[tied]))]
    first = tied[np.flatnonzero(np.diff(own[tied], prepend=-1))]
    return np.stack([y[first], x[first]], axis=1)


def draw_centres(centres: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Draw a bell at each centre, (1, h, w) float32; one that stands alone is 10.15 high."""
    impulses = np.zeros(size, np.float32)
    np.add.at(impulses, (centres[:, 0], centres[:, 1]), HEIGHT)
    return gaussian_filter(impulses, SIGMA_PX, mode="constant")[None]


def directions_to(centres: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """Name for each pixel of the objects the direction of their centre; (h, w) int32.

    centres: (n, 2), one per number that occurs, ascending. A centre itself points along +x.
    """
    y, x = np.nonzero(instances)
    _, own = _number(instances[y, x])
    angle_deg = np.degrees(np.arctan2(centres[own, 0] - y, centres[own, 1] - x))
    classes = np.zeros(instances.shape, np.int32)
    # class i + 1 reaches to half a step on either side, its upper end included
    classes[y, x] = np.ceil((angle_deg + 180) / STEP_DEG - 0.5).astype(np.int32) % DIRECTIONS + 1
    return classes


def seen_classes(view: View) -> np.ndarray:
    """Say for each direction, by class, which class it has where the picture is seen through `view`; (9,)."""
    signs = np.where(np.isin((0, 1), view.flipped), -1, 1)
    moved = VECTORS[:, view.order] * signs
    return np.argmax((moved[:, None] == VECTORS).all(-1), axis=1)


def _number(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers that occur, ascending, and for each label the place of its number among them."""
    counts = np.bincount(labels) if labels.size else np.zeros(0, np.int64)
    numbers = np.flatnonzero(counts)
    places = np.zeros(len(counts), np.int64)
    places[numbers] = np.arange(len(numbers))
    return numbers, places[labels]


def _rays(instances: np.ndarray, y: np.ndarray, x: np.ndarray) -> Iterator[np.ndarray]:
    """Yield for each of the eight directions how far the own object reaches from the given pixels [px]; (k,)."""
    width = instances.shape[1]
    labels = instances.astype(np.int32)
    yield from (rays[y, x] for rays in _runs(labels))
    yield from (rays[x, y] for rays in _runs(np.ascontiguousarray(labels.T)))
    yield from (DIAGONAL * rays[y, x + y] for rays in _runs(_slant(labels)))
    yield from (DIAGONAL * rays[y, width - 1 - x + y] for rays in _runs(_slant(labels[:, ::-1])))


def _runs(labels: np.ndarray) -> Iterator[np.ndarray]:
    """Yield how far runs of equal labels along the first axis go back from each place, then on; (h, w) float32.

    From the middle of a pixel to its border it is half a pixel, which is what a single pixel has on each side.
    """
    is_new = np.not_equal(labels[1:], labels[:-1])
    yield _back(is_new)
    yield _back(is_new[::-1])[::-1]


def _back(is_new: np.ndarray) -> np.ndarray:
    """Measure from each place along the first axis back to where its run began; is_new: (h - 1, w), from the second."""
    place = np.arange(len(is_new) + 1, dtype=np.int32)[:, None]
    first = np.zeros((len(place), is_new.shape[1]), np.int32)
    np.multiply(place[1:], is_new, out=first[1:])
    np.maximum.accumulate(first, axis=0, out=first)
    return np.subtract(place + np.float32(0.5), first, dtype=np.float32)


def _slant(labels: np.ndarray) -> np.ndarray:
    """Shift each row by one more than the row above: columns of (h, w + h - 1) are diagonals from top right."""
    h, w = labels.shape
    wide = np.zeros((h, w + h), labels.dtype)
    wide[:, :w] = labels
    return wide.reshape(-1)[: h * (w + h - 1)].reshape(h, w + h - 1)
