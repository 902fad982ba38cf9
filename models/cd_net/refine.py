"""From probabilities, centres and directions to the inside of objects (He et al. 2021, section 3.4)."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation

from .difference import direction_difference

BACKGROUND, INSIDE, BOUNDARY = range(3)


def sharpen_boundary(mask: np.ndarray, point: np.ndarray, difference: np.ndarray, point_share: float) -> np.ndarray:
    """Raise the probability of a boundary where directions differ, but not around centres; (3, h, w), no longer a sum of 1.

    mask: (3, h, w) probabilities. point: (h, w), the map of centres. difference: (h, w) in [0, 1].
    """
    evidence = 2 * difference * ~around_centres(point, point_share)
    boundary = (mask[BOUNDARY] + 0.5 * evidence) * (1 + evidence)
    return np.stack([mask[BACKGROUND], mask[INSIDE], boundary])


def around_centres(point: np.ndarray, share: float) -> np.ndarray:
    """Mark what is higher than a share of the highest centre, and a pixel around it; (h, w) bool."""
    highest = float(point.max(initial=0.0))
    if highest <= 0:
        return np.zeros(point.shape, bool)
    return np.asarray(binary_dilation(point > share * highest))


def name_directions(mask: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Name the likeliest direction of each pixel; the background's counts as often as the regions say background.

    mask: (3, h, w), direction: (9, h, w), both probabilities. Returns (h, w) uint8.
    """
    scores = direction.copy()
    scores[0] *= mask[BACKGROUND]
    return scores.argmax(axis=0).astype(np.uint8)


def find_inside(mask: np.ndarray, point: np.ndarray, classes: np.ndarray | None, point_share: float) -> np.ndarray:
    """Mark the inside of objects, (h, w) bool; classes: directions (h, w), or None to do without."""
    if classes is not None:
        mask = sharpen_boundary(mask, point, direction_difference(classes), point_share)
    return np.asarray(mask.argmax(axis=0) == INSIDE)
