"""From what the generator painted to a map over the slice, by the zoo's rule or by the published one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo.common.localisation.scores import smooth_in_lung

from .config import Config

BETWEEN = 0.25  # of a level, so that cutting to 8 bits gives back the very level
# slice, healthy slice and lesion (h, w), of 0..1
MAPS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "lesion": lambda x, healthy, lesion: np.maximum(lesion, 0),
    "difference": lambda x, healthy, lesion: np.abs(x - healthy),
    "brighter": lambda x, healthy, lesion: np.maximum(x - healthy, 0),
}


def own_map(shown: np.ndarray, lung: np.ndarray, config: Config) -> np.ndarray:
    """Smooth what is shown (h, w) over the lung (h, w) bool, and bring it to 0..1 on one scale for all slices.

    Little is taken away at most places: 256 levels of the square root keep the order that 256 of the amount would lose.
    """
    if config.smooth_px:
        shown = smooth_in_lung(shown, lung, config.smooth_px * shown.shape[0] / 256)
    shown = np.where(lung, shown, 0) if config.roi == "lung" else shown
    return rooted(shown, config.map_scale)


def rooted(values: np.ndarray, scale: float) -> np.ndarray:
    """Return the square root of values / scale, at most 1."""
    return np.sqrt((values / scale).clip(0, 1)).astype(np.float32)


def published_map(shown: str, x: np.ndarray, healthy: np.ndarray, lesion: np.ndarray) -> np.ndarray:
    """Compare slices (h, w) of 0..1 cut to 8 bits each; return the levels as a share of 255."""
    greys = [np.floor((255 * part).clip(0, 255)) for part in (x, healthy, lesion)]
    levels = MAPS[shown](*greys)
    return np.where(levels > 0, (levels + BETWEEN) / 255, 0).clip(0, 1).astype(np.float32)


def edge_weights(greys: np.ndarray) -> np.ndarray:
    """Return (1 + S / 255)^2 for a slice (h, w) of 8 bits, where S is the mean of its two Sobel gradients, 8 bits each.

    Yang et al. 2021 weigh differences at edges up to four times.
    """
    from scipy import ndimage

    greys = np.rint(greys.clip(0, 255)).astype(np.float64)
    gradients = [np.abs(ndimage.sobel(greys, axis, mode="mirror")).clip(0, 255) for axis in (0, 1)]
    return np.asarray((1 + np.rint(sum(gradients) / 2) / 255) ** 2, np.float32)
