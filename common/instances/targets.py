"""Ternary maps of objects and the weights of their pixels, from a map of numbers; and a map from ternary ones."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

BACKGROUND, INSIDE, BOUNDARY = 0, 1, 2
REGIONS = 3  # the maps of a network that tells these apart
STRENGTH, SIGMA_PX = 10.0, 5.0  # of the weight between two objects
COMPARED = 500_000  # pairs of pixels and border pixels that are compared; with more, a transform is faster
REACH_PX = 17  # from an object, beyond which its weight is less than 0.05


def ternary_map(instances: np.ndarray) -> np.ndarray:
    """Name background, inside and boundary of a map (h, w); uint8.

    The boundary is what a cross of 3 x 3 adds to or takes from an object: a pixel on either side of its border. The
    border of the picture is none of an object.
    """
    boundary = is_boundary(instances)
    return np.where(boundary, BOUNDARY, np.where(instances > 0, INSIDE, BACKGROUND)).astype(np.uint8)


def is_boundary(instances: np.ndarray) -> np.ndarray:
    """Mark the pixels that touch, by an edge, a pixel of another number; bool (h, w)."""
    found = np.zeros(instances.shape, bool)
    differs = instances[1:] != instances[:-1]
    found[1:] |= differs
    found[:-1] |= differs
    differs = instances[:, 1:] != instances[:, :-1]
    found[:, 1:] |= differs
    found[:, :-1] |= differs
    return found


def border_weights(instances: np.ndarray) -> np.ndarray:
    """Weigh pixels between objects up: 1 + 10 exp(-(d1 + d2)^2 / 50), 1 where there are fewer than two; float32 (h, w).

    d1, d2: distances to the borders of the nearest and the second nearest object [px] (Ronneberger et al. 2015, eq. 2).
    Objects farther than REACH_PX do not count.
    """
    nearest = np.full(instances.shape, np.inf, np.float32)
    second = np.full(instances.shape, np.inf, np.float32)
    h, w = instances.shape
    for number, box in enumerate(ndimage.find_objects(instances), start=1):
        if box is None:
            continue
        rows, columns = (
            slice(max(0, side.start - REACH_PX), min(n, side.stop + REACH_PX))
            for side, n in zip(box, (h, w), strict=True)
        )
        squared = _to_border(instances[rows, columns] == number)
        near, far = nearest[rows, columns], second[rows, columns]
        np.minimum(far, np.maximum(near, squared), out=far)
        np.minimum(near, squared, out=near)
    apart = np.sqrt(nearest) + np.sqrt(second)
    return (1 + STRENGTH * np.exp(-(apart**2) / (2 * SIGMA_PX**2))).astype(np.float32)


def _to_border(mask: np.ndarray) -> np.ndarray:
    """Measure the squared distance of every pixel to the nearest border pixel of an object [px^2]; float32."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    border = mask & ~inner
    rows, columns = np.nonzero(border)
    if not len(rows):  # the object fills the picture
        return np.full(mask.shape, np.inf, np.float32)
    if len(rows) * mask.size > COMPARED:
        return (ndimage.distance_transform_edt(~border) ** 2).astype(np.float32)
    h, w = mask.shape
    down = (np.arange(h, dtype=np.float32)[None] - rows[:, None].astype(np.float32)) ** 2
    right = (np.arange(w, dtype=np.float32)[None] - columns[:, None].astype(np.float32)) ** 2
    return (down[:, :, None] + right[:, None]).min(axis=0)
