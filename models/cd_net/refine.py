"""The inside of objects from regions, centres and directions (He et al. 2021, section 3.4), rows at a time."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation

from zoo.common.instances.targets import BACKGROUND, BOUNDARY, INSIDE

from .difference import direction_difference

ROWS = 512  # of a field that are refined at a time: a large one has gigabytes of probabilities


def name_directions(logits: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Name the likeliest direction of each pixel; that it has none is as likely as the regions say, too.

    logits: (3, *size), direction: (9, *size), logits as well. Returns (*size) uint8.
    """
    none = logits[BACKGROUND] - np.logaddexp.reduce(logits, axis=0)
    return np.concatenate([direction[:1] + none, direction[1:]]).argmax(axis=0).astype(np.uint8)


def find_inside(regions: np.ndarray, point: np.ndarray, classes: np.ndarray, point_share: float) -> np.ndarray:
    """Mark the inside of objects where directions that differ count as a boundary, too; bool (h, w).

    regions: (3, h, w) uint8, probabilities in 1/255; point: (h, w), the map of centres; classes: (h, w) directions.
    """
    inside = np.empty(classes.shape, bool)
    lowest = point_share * point.max(initial=0)
    for first in range(0, len(classes), ROWS):
        seen = slice(max(0, first - 1), first + ROWS + 1)  # directions and centres reach a pixel further
        refined = sharpen_boundary(
            regions[:, seen] / np.float32(255), direction_difference(classes[seen]), point[seen] > lowest
        )
        found = refined.argmax(axis=0) == INSIDE
        inside[first : first + ROWS] = found[first - seen.start :][:ROWS]
    return inside


def sharpen_boundary(regions: np.ndarray, difference: np.ndarray, is_centre: np.ndarray) -> np.ndarray:
    """Raise the probability of a boundary where directions differ, but not next to a centre; they may add up to more.

    regions: (3, h, w) probabilities; difference: (h, w) of 0, 0.5 and 1; is_centre: (h, w) bool.
    """
    evidence = 2 * difference * ~binary_dilation(is_centre)
    refined = regions.copy()
    refined[BOUNDARY] = (regions[BOUNDARY] + 0.5 * evidence) * (1 + evidence)
    return refined
