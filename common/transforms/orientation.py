"""Volumes turned so that their axes count to the right, the front and above, and turned back exactly."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np

from zoo.common.errors import InputError
from zoo.common.types import Image

LETTERS = ("LR", "PA", "IS")  # per world axis: where it is counted down to, and up to


def axis_codes(affine: np.ndarray) -> str:
    """Name where the x, y and z axes of a file point to, for example "LPS"; oblique axes by the nearest letter."""
    worlds, signs = _layout(affine)
    return "".join(LETTERS[world][sign > 0] for world, sign in zip(worlds, signs, strict=True))


def to_canonical(image: Image) -> Image:
    """Reorder and flip the axes of a volume until (d, h, w) count to above, the front and the right.

    Nothing is interpolated, so an oblique volume stays oblique. Pictures, and volumes whose place is unknown, are
    returned as they are.
    """
    turned = canonical_view(image)
    return image if turned is image else replace(turned, array=np.ascontiguousarray(turned.array))


def canonical_view(image: Image) -> Image:
    """Return `to_canonical` of an image without copying its voxels, for whoever needs few of them."""
    if image.affine is None or len(image.size) != 3:
        return image
    worlds, signs = _layout(image.affine)
    sources = tuple(worlds.index(world) for world in range(3))
    xyz = _flipped(_reversed(image.array), signs)
    array = _reversed(xyz.transpose(0, *(1 + source for source in sources)))
    to_native = np.zeros((4, 4))  # canonical index to native index
    to_native[3, 3] = 1
    for source, (world, sign) in enumerate(zip(worlds, signs, strict=True)):
        to_native[source, world] = sign
        to_native[source, 3] = image.size[2 - source] - 1 if sign < 0 else 0
    spacing = image.spacing_mm and tuple(image.spacing_mm[2 - source] for source in reversed(sources))
    return replace(image, array=array, affine=image.affine @ to_native, spacing_mm=spacing)


def back_to(array: np.ndarray, image: Image) -> np.ndarray:
    """Turn what was computed on to_canonical(image) back onto the grid of `image`.

    array: (..., d, h, w) of any type, or (..., h, w) for a picture.
    """
    if image.affine is None or len(image.size) != 3:
        return _fitting(array, image.size, image.name)
    worlds, signs = _layout(image.affine)
    _fitting(array, tuple(image.size[2 - worlds.index(world)] for world in (2, 1, 0)), image.name)
    lead = array.ndim - 3
    xyz = _reversed(array).transpose(*range(lead), *(lead + world for world in worlds))
    return np.ascontiguousarray(_reversed(_flipped(xyz, signs)))


def _layout(affine: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give each of the file's axes (x, y, z) a world axis of its own, by the largest sum of cosines, and a sign."""
    cosines = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    worlds = max(permutations(range(3)), key=lambda order: float(np.abs(cosines[order, range(3)]).sum()))
    return worlds, tuple(1 if cosines[world, source] >= 0 else -1 for source, world in enumerate(worlds))


def _fitting(array: np.ndarray, size: tuple[int, ...], name: str) -> np.ndarray:
    if array.shape[-len(size) :] != size:
        raise InputError(f"{name}: array of {array.shape} given; expected (..., {str(size)[1:]}, as to_canonical gave")
    return array


def _reversed(array: np.ndarray) -> np.ndarray:
    """Swap (..., d, h, w) and (..., w, h, d)."""
    return array.swapaxes(-1, -3)


def _flipped(array: np.ndarray, signs: tuple[int, ...]) -> np.ndarray:
    return np.flip(array, [array.ndim - 3 + axis for axis, sign in enumerate(signs) if sign < 0])
