"""Where the lungs are in a slice whose surroundings were painted black."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BLACK = 8.0  # intensities (0..255) up to this are outside the lungs; JPEG leaves a few grey levels there
MARGIN = 0.06  # of the side of the box
LARGEST_SHARE = 0.5  # lungs fill about 12 % of a masked slice; more than this was not masked
SMALLEST_SHARE = 0.005  # less than this is not a pair of lungs


class Box(NamedTuple):
    """Rows top..bottom and columns left..right, the last ones excluded [px]."""

    top: int
    left: int
    bottom: int
    right: int


def lung_box(array: np.ndarray) -> Box:
    """Find the square around everything that is not black, kept within the image.

    array: (c, h, w), 0..255. Returns the whole image when it is not masked or nearly empty.
    """
    h, w = array.shape[1:]
    bright = array.max(axis=0) > BLACK
    if not SMALLEST_SHARE <= bright.mean() <= LARGEST_SHARE:
        return Box(0, 0, h, w)
    top, bottom = _extent(bright.sum(axis=1) >= max(1, 0.01 * w))
    left, right = _extent(bright.sum(axis=0) >= max(1, 0.01 * h))
    side = (1 + MARGIN) * max(bottom - top, right - left)
    rows = _centred((top + bottom) / 2, side, h)
    columns = _centred((left + right) / 2, side, w)
    return Box(rows[0], columns[0], rows[1], columns[1])


def _extent(occupied: np.ndarray) -> tuple[int, int]:
    """Return the first and one past the last true entry; everything if there is none."""
    places = np.flatnonzero(occupied)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, len(occupied))


def _centred(centre: float, side: float, length: int) -> tuple[int, int]:
    """Place an interval around a centre, moved rather than cut where it would leave 0..length."""
    side = min(round(side), length)
    start = min(max(round(centre - side / 2), 0), length - side)
    return start, start + side
