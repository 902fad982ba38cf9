"""Objects from maps: parts of what is inside, filled, cleaned and grown; or basins of the distance to the border."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

EIGHT = np.ones((3, 3), bool)
SMOOTHING_PX = 1.0  # of the distance whose peaks become objects
LEAST_DEPTH_PX = 0.75  # by which a basin has to be deeper than the saddle to its neighbour
RIM_PX = 4  # around a part that is looked at; the smoothing reaches no further
LARGEST_PX = 1 << 24  # of the box of a part; a larger one stays whole, as its distances would take gigabytes


def separate(inside: np.ndarray, least_px: int, grow_px: int, at_waists: bool = False) -> np.ndarray:
    """Number the parts of a mask (h, w) 1..n, int32: holes filled, small ones removed, then grown.

    Parts touch by an edge or a corner. least_px: parts of fewer pixels are dropped. grow_px: steps by which the rest
    grows into the background, one pixel to the four sides each, as the boundary was taken off in the targets.
    at_waists: parts that hang together by a narrow neck are two.
    """
    parts, _ = ndimage.label(fill_holes(inside), EIGHT, output=np.int32)
    parts = drop_small(parts, least_px)
    if at_waists:
        parts = drop_small(part_at_waists(parts), least_px)
    for _ in range(grow_px):
        parts = grow(parts)
    return parts


def drop_small(parts: np.ndarray, least_px: int) -> np.ndarray:
    """Leave out parts of fewer pixels, and number the rest 1..n in their order."""
    sizes = np.bincount(parts.ravel(), minlength=1)
    kept = sizes >= max(1, least_px)
    kept[0] = False
    return (np.cumsum(kept) * kept).astype(np.int32)[parts]


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
    """Number the objects of a mask (h, w), int32, parted at their waists; those of fewer pixels are dropped."""
    return separate(mask, least_px, 0, at_waists=True)


def part_at_waists(parts: np.ndarray) -> np.ndarray:
    """Part what is numbered where it is narrow, by a watershed of the distance to its border.

    Two halves stay one when the neck between them is hardly narrower than the smaller one. New numbers follow.
    """
    parted, count = parts.copy(), int(parts.max(initial=0))
    for number, box in enumerate(ndimage.find_objects(parts), start=1):
        if box is None:
            continue
        seen = tuple(
            slice(max(0, side.start - RIM_PX), min(length, side.stop + RIM_PX))
            for side, length in zip(box, parts.shape, strict=True)
        )
        mask = parts[seen] == number
        basins = _basins(mask)
        others = basins > 1
        parted[seen][others] = basins[others] + (count - 1)
        count += max(0, int(basins.max()) - 1)
    return parted


def _basins(mask: np.ndarray) -> np.ndarray:
    """Number the basins 1..n of a part that hangs together, int32."""
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    if mask.size > LARGEST_PX or mask.all():
        return mask.astype(np.int32)
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), SMOOTHING_PX)
    tops = (distance == ndimage.maximum_filter(distance, 3)) & mask
    if ndimage.label(tops, EIGHT)[1] < 2:  # nearly all nuclei; what follows takes five times as long
        return mask.astype(np.int32)
    peaks, _ = ndimage.label(h_maxima(distance, LEAST_DEPTH_PX).astype(bool) & mask, EIGHT)
    return np.asarray(watershed(-distance, peaks, mask=mask, connectivity=2), np.int32)
