"""Objects from maps: parts of what is inside, filled, cleaned and grown; or basins of the distance to the border."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from zoo.common.instances.measures import renumber

EIGHT = np.ones((3, 3), bool)
SMOOTHING_PX = 1.0  # of the distance whose peaks become objects
LEAST_DEPTH_PX = 0.75  # by which a basin has to be deeper than the saddle to its neighbour


def separate(inside: np.ndarray, least_px: int, grow_px: int) -> np.ndarray:
    """Number the parts of a mask (h, w) 1..n, int32: holes filled, small ones removed, then grown.

    Parts touch by an edge or a corner. least_px: parts of fewer pixels are dropped. grow_px: steps by which the rest
    grows into the background, one pixel to the four sides each, as the boundary was taken off in the targets.
    """
    parts, count = ndimage.label(fill_holes(inside), EIGHT, output=np.int32)
    if not count:
        return parts
    kept = np.bincount(parts.ravel(), minlength=count + 1) >= max(1, least_px)
    kept[0] = False
    parts = (np.cumsum(kept) * kept).astype(np.int32)[parts]
    for _ in range(grow_px):
        parts = grow(parts)
    return parts


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """Fill what the mask encloses; the background touches by edges, as scipy's binary_fill_holes has it."""
    parts, count = ndimage.label(~mask)
    open_ = np.zeros(count + 1, bool)
    for edge in (parts[0], parts[-1], parts[:, 0], parts[:, -1]):
        open_[edge] = True
    open_[0] = False
    return ~open_[parts]


def grow(parts: np.ndarray) -> np.ndarray:
    """Give each pixel of the background the largest number of its four neighbours; objects keep what they have."""
    around = np.zeros_like(parts)
    np.maximum(around[1:], parts[:-1], out=around[1:])
    np.maximum(around[:-1], parts[1:], out=around[:-1])
    np.maximum(around[:, 1:], parts[:, :-1], out=around[:, 1:])
    np.maximum(around[:, :-1], parts[:, 1:], out=around[:, :-1])
    return np.where(parts > 0, parts, around)


def split_touching(mask: np.ndarray, least_px: int = 20) -> np.ndarray:
    """Number the objects of a mask (h, w) by a watershed of the distance to its border; int32.

    Two parts are one object when the neck between them is hardly narrower than the smaller one. least_px: objects of
    fewer pixels are dropped.
    """
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    mask = fill_holes(mask)
    if not mask.any() or mask.all():
        return mask.astype(np.int32)
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), SMOOTHING_PX)
    peaks, _ = ndimage.label(h_maxima(distance, LEAST_DEPTH_PX), EIGHT)
    basins = watershed(-distance, peaks, mask=mask)
    sizes = np.bincount(basins.ravel())
    dropped = sizes < least_px
    return renumber(np.where(dropped[basins], 0, basins))
