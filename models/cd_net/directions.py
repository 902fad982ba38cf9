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
    shortest, longest = np.full(instances.shape, np.inf), np.zeros(instances.shape)
    for rays in _rays(instances):
        np.minimum(shortest, rays, out=shortest)
        np.maximum(longest, rays, out=longest)
    roundness = (shortest / longest)[y, x]
    best = np.zeros(len(numbers))
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


def spread(instances: np.ndarray) -> np.ndarray:
    """Let objects grow by a pixel up, down and sideways into the background; the larger number wins."""
    around = np.pad(instances, 1)
    near = np.maximum(np.maximum(around[:-2, 1:-1], around[2:, 1:-1]), np.maximum(around[1:-1, :-2], around[1:-1, 2:]))
    return np.where(instances > 0, instances, near)


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


def _rays(instances: np.ndarray) -> Iterator[np.ndarray]:
    """Yield for each of the eight directions how far the own object reaches from each pixel [px]; (h, w)."""
    yield from _runs(instances)
    yield from (rays.T for rays in _runs(instances.T))
    for mirrored in (False, True):
        source = instances[:, ::-1] if mirrored else instances
        for rays in _runs(_slant(source)):
            straight = _straighten(rays, source.shape[1]) * DIAGONAL
            yield straight[:, ::-1] if mirrored else straight


def _runs(labels: np.ndarray) -> Iterator[np.ndarray]:
    """Yield how far runs of equal labels along the first axis go back from each place, then on; half a step is in it.

    From the middle of a pixel to its border it is half a pixel, which is what a single pixel has on each side.
    """
    place = np.arange(len(labels), dtype=np.float32)[:, None]
    starts = np.ones(labels.shape, bool)
    np.not_equal(labels[1:], labels[:-1], out=starts[1:])
    yield place + 0.5 - np.maximum.accumulate(np.where(starts, place, 0), axis=0)
    ends = np.ones(labels.shape, bool)
    ends[:-1] = starts[1:]
    last = np.where(ends, place, np.float32(len(labels)))[::-1]
    yield np.minimum.accumulate(last, axis=0)[::-1] + 0.5 - place


def _slant(labels: np.ndarray) -> np.ndarray:
    """Shift each row by one more than the row above: columns of (h, w + h - 1) are diagonals from top right."""
    h, w = labels.shape
    wide = np.zeros((h, w + h), labels.dtype)
    wide[:, :w] = labels
    return wide.reshape(-1)[: h * (w + h - 1)].reshape(h, w + h - 1)


def _straighten(slanted: np.ndarray, width: int) -> np.ndarray:
    """Take back _slant()."""
    h = len(slanted)
    wide = np.zeros(h * (width + h), slanted.dtype)
    wide[: slanted.size] = slanted.reshape(-1)
    return wide.reshape(h, width + h)[:, :width]
