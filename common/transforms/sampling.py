"""Values of an array on the new grid of a spatial map: copied where the map is exact, interpolated elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from zoo.common.transforms.spatial import SpatialMap

SLAB = 2**21  # voxels whose places are in memory at a time
BLUR_FROM = 1.25  # shrinking by more than this is smoothed first


@dataclass(frozen=True, eq=False)
class Layer:
    """An array (c, *old) to be sampled; nearest keeps its dtype, linear gives float32. `fill`: its value outside."""

    array: np.ndarray
    fill: float = 0.0
    nearest: bool = False


def sample_linear(array: np.ndarray, move: SpatialMap, fill: float = 0.0) -> np.ndarray:
    """Interpolate (c, *old) to (c, *new) float32 linearly, smoothed where the grid gets coarser; `fill` outside."""
    return sample([Layer(array, fill)], move)[0]


def sample_nearest(array: np.ndarray, move: SpatialMap, fill: float = 0) -> np.ndarray:
    """Take the nearest value of (c, *old) for each place of (c, *new); keeps the dtype."""
    return sample([Layer(array, fill, nearest=True)], move)[0]


def sample(layers: Sequence[Layer], move: SpatialMap) -> list[np.ndarray]:
    """Sample several arrays at the same places, which are computed once."""
    layers = [layer if layer.nearest else replace(layer, array=np.asarray(layer.array, np.float32)) for layer in layers]
    if is_exact(move):
        return [_copy(layer.array, move, layer.fill) for layer in layers]
    if is_diagonal(move):
        return [(_picked if layer.nearest else _separable)(layer.array, move, layer.fill) for layer in layers]
    return _gathered([layer if layer.nearest else _smoothed(layer, move) for layer in layers], move)


def nearest_indices(new: int, old: int) -> np.ndarray:
    """Pick the old index under the centre of each of `new` even parts of an axis of `old`; (new,) int64."""
    return np.minimum(((np.arange(new) + 0.5) * old / new).astype(np.int64), old - 1)


def inside(move: SpatialMap) -> np.ndarray:
    """Mark the places of the new grid that come from within the old one; (*new) bool."""
    return sample_nearest(np.ones((1, *move.old.size), bool), move)[0]


def is_exact(move: SpatialMap) -> bool:
    """Whether every new voxel is an old one: flips, quarter turns, crops and padding, in any order."""
    linear = np.abs(move.matrix[:-1, :-1])
    return (
        move.is_affine
        and bool(np.isin(linear, (0, 1)).all() and (linear.sum(0) == 1).all() and (linear.sum(1) == 1).all())
        and bool((move.matrix[:-1, -1] == np.round(move.matrix[:-1, -1])).all())
    )


def is_diagonal(move: SpatialMap) -> bool:
    """Whether each axis is only stretched, mirrored and shifted."""
    linear = move.matrix[:-1, :-1]
    return move.is_affine and not (linear - np.diag(np.diag(linear))).any()


def _copy(array: np.ndarray, move: SpatialMap, fill: float) -> np.ndarray:
    linear, offset = move.matrix[:-1, :-1], move.matrix[:-1, -1].astype(int)
    order = [int(np.flatnonzero(row)[0]) for row in linear]  # the old axis behind each new one
    turned = array.transpose(0, *(1 + axis for axis in order))
    out = np.full((array.shape[0], *move.new.size), fill, array.dtype)
    source, target = [slice(None)], [slice(None)]
    for new_axis, old_axis in enumerate(order):
        size, count, first = move.old.size[old_axis], move.new.size[new_axis], offset[new_axis]
        if linear[new_axis, old_axis] < 0:  # new = first - old
            turned, first = np.flip(turned, 1 + new_axis), first - size + 1
        low, high = max(first, 0), min(first + size, count)
        source.append(slice(max(low - first, 0), max(high - first, 0)))
        target.append(slice(low, max(high, low)))
    out[tuple(target)] = turned[tuple(source)]
    return out


def _steps(move: SpatialMap) -> list[tuple[np.ndarray, float, np.ndarray]]:
    """Per axis: where the new voxels lie on the old axis, the step between them, and which lie within it."""
    back = np.linalg.inv(move.matrix)
    axes = []
    for axis, (count, size) in enumerate(zip(move.new.size, move.old.size, strict=True)):
        places = np.arange(count) * back[axis, axis] + back[axis, -1]
        axes.append((places, abs(float(back[axis, axis])), (places >= -0.5 - 1e-9) & (places < size - 0.5 + 1e-9)))
    return axes


def _separable(array: np.ndarray, move: SpatialMap, fill: float) -> np.ndarray:
    axes = _steps(move)
    for axis in sorted(range(len(axes)), key=lambda i: -axes[i][1]):  # what shrinks most goes first
        places, step, within = axes[axis]
        index, weights = _taps(places, step, array.shape[1 + axis])
        shape = tuple(-1 if i == 1 + axis else 1 for i in range(array.ndim))
        total = np.take(array, index[:, 0], axis=1 + axis) * weights[:, 0].reshape(shape)
        for column, weight in zip(index.T[1:], weights.T[1:], strict=True):
            part = np.take(array, column, axis=1 + axis)
            part *= weight.reshape(shape)
            total += part
        array = total
        if not within.all():
            array[(slice(None), *(~within if i == axis else slice(None) for i in range(len(axes))))] = fill
    return array


def _taps(places: np.ndarray, step: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Which old values, and how much of each, make a new one: a triangle as wide as the step; (count, taps) each."""
    reach = max(step, 1.0) if step > BLUR_FROM else 1.0
    places = np.clip(places, 0, size - 1)
    first = np.floor(places - reach).astype(int) + 1
    index = first[:, None] + np.arange(int(np.ceil(2 * reach)))
    weights = np.clip(1 - np.abs(index - places[:, None]) / reach, 0, None)
    weights *= (index >= 0) & (index < size)
    return np.clip(index, 0, size - 1), (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _picked(array: np.ndarray, move: SpatialMap, fill: float) -> np.ndarray:
    for axis, (places, _, within) in enumerate(_steps(move)):
        nearest = np.clip(np.floor(places + 0.5).astype(int), 0, move.old.size[axis] - 1)
        array = np.take(array, nearest, axis=1 + axis)
        if not within.all():
            array[(slice(None), *(~within if i == axis else slice(None) for i in range(len(move.new.size))))] = fill
    return array


def _gathered(layers: Sequence[Layer], move: SpatialMap) -> list[np.ndarray]:
    out = [np.empty((layer.array.shape[0], *move.new.size), layer.array.dtype) for layer in layers]
    rows = max(1, SLAB // int(np.prod(move.new.size[1:])))
    last = np.array(move.old.size) - 1
    for begin in range(0, move.new.size[0], rows):
        part = slice(begin, min(begin + rows, move.new.size[0]))
        size = (part.stop - part.start, *move.new.size[1:])
        places = move.grid_to_old([np.arange(n) + (begin if i == 0 else 0.0) for i, n in enumerate(size)])
        outside = ((places < -0.5) | (places > last + 0.5)).any(1)
        places = np.clip(places, 0, last).T  # the outer half of border pixels
        nearest = tuple(np.floor(places + 0.5).astype(int))
        for layer, target in zip(layers, out, strict=True):
            for channel, plane in zip(layer.array, target, strict=True):
                values = channel[nearest] if layer.nearest else ndimage.map_coordinates(channel, places, order=1)
                values[outside] = layer.fill
                plane[part] = values.reshape(size)
    return out


def _smoothed(layer: Layer, move: SpatialMap) -> Layer:
    step = np.linalg.norm(np.linalg.inv(move.matrix)[:-1, :-1], axis=1)  # old voxels per new one, by old axis
    if (step < BLUR_FROM).all():
        return layer
    sigma = 0.5 * np.sqrt(np.clip(step**2 - 1, 0, None))
    return replace(layer, array=ndimage.gaussian_filter(layer.array, (0, *sigma), mode="nearest"))
