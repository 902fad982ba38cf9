"""The trivial finder of objects: Otsu's threshold, and whatever hangs together is one."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from zoo.common.instances.pictures import brightness, grey_of
from zoo.common.instances.separation import separate
from zoo.common.types import Image

SMOOTHING_PX = 1.0
BINS = 256


def find_components(image: Image, least_px: int) -> np.ndarray:
    """Number the parts of what Otsu's threshold tells from the ground, dark or light; (h, w) int32."""
    low, high, is_dark = brightness(image)
    grey = ndimage.gaussian_filter(np.clip(grey_of(image.array), low, high), SMOOTHING_PX)
    cut = otsu(grey)
    return separate(grey > cut if is_dark else grey < cut, least_px, 0)


def otsu(values: np.ndarray) -> float:
    """Choose the threshold with the largest variance between the two classes (Otsu 1979)."""
    counts, edges = np.histogram(values, BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
        between = np.nan_to_num(below * above * gap**2)
    return float(edges[1:][between.argmax()])
