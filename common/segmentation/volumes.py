"""Volumes on the grid that a network was trained on, normalised, and answers carried back to the grid of the file."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.images import check_size
from zoo.common.transforms import spatial as maps
from zoo.common.transforms.orientation import back_to, to_canonical
from zoo.common.transforms.pictures import to_channels
from zoo.common.transforms.sampling import nearest_indices, sample_linear
from zoo.common.types import Image

SAME_SPACING = 0.02  # relative difference of spacings below which nothing is resampled
STATISTICS = 2_000_000  # voxels that are looked at for mean, deviation and percentiles
PERCENTILES = (0.5, 99.5)  # between which intensities are kept, unless a window is given


@dataclass(frozen=True, eq=False)
class Patch(Image):
    """A piece of a volume that is on the network's grid and normalised already."""


def to_network(image: Image, channels: int, spacing_mm: tuple[float, ...], window: tuple[float, ...]) -> np.ndarray:
    """Turn, resample and normalise an image for a 3-D network; (channels, d, h, w) float32.

    A picture counts as a volume of one slice. Resamples where both spacings are known: `spacing_mm` (d, h, w), () keeps
    the image's own. window: intensities are cut to (low, high), () cuts at percentiles; then mean 0 and deviation 1.
    """
    if isinstance(image, Patch):
        return image.array
    turned = to_canonical(as_volume(image))
    array = to_channels(turned.array, channels)
    array = resample(array, network_size(turned, spacing_mm))
    return normalise(array, window)


def mask_to_network(mask: np.ndarray, image: Image, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Carry labels on the grid of `image` to the grid of to_network(), by nearest neighbour; (d, h, w)."""
    if isinstance(image, Patch):
        return mask
    volume = as_volume(image)
    labels = mask.reshape(volume.size)
    turned = to_canonical(replace(volume, array=labels[None]))
    size = network_size(turned, spacing_mm)
    return turned.array[0][np.ix_(*(nearest_indices(new, old) for new, old in zip(size, turned.size, strict=True)))]


def from_network(values: np.ndarray, image: Image, classes: int) -> np.ndarray:
    """Carry labels (d, h, w) or scores (k, d, h, w) of the network's grid back to the grid of `image`.

    Labels are interpolated as one map per class, and the largest wins; that is smoother than the nearest neighbour.
    """
    volume = as_volume(image)
    size = to_canonical(replace(volume, array=np.broadcast_to(np.uint8(0), (1, *volume.size)))).size
    if values.ndim == 4:
        values = np.stack([resample(part[None], size)[0] for part in values])
    elif values.shape != size:
        values = resample_labels(values, size, classes)
    native = back_to(values, volume)
    return native if image.array.ndim == 4 else native[..., 0, :, :]


def as_volume(image: Image) -> Image:
    """Return a picture as a volume of one slice whose thickness is unknown; volumes as they are."""
    if image.array.ndim == 4:
        return image
    return replace(image, array=image.array[:, None], spacing_mm=None, affine=None)


def network_size(image: Image, spacing_mm: tuple[float, ...]) -> tuple[int, ...]:
    """Return the size of a volume after resampling; InputError where that is too large."""
    if image.spacing_mm is None or not spacing_mm:
        return image.size
    factors = [old / new for old, new in zip(image.spacing_mm, spacing_mm, strict=True)]
    if all(abs(factor - 1) < SAME_SPACING for factor in factors):
        return image.size
    size = tuple(max(1, round(n * factor)) for n, factor in zip(image.size, factors, strict=True))
    check_size(size, f"{image.name} resampled to {spacing_mm} mm")
    return size


def normalise(array: np.ndarray, window: tuple[float, ...]) -> np.ndarray:
    """Cut (c, d, h, w) to a window or to percentiles, then scale each channel to mean 0 and deviation 1."""
    out = np.empty(array.shape, np.float32)
    for channel, result in zip(array, out, strict=True):
        seen = channel.reshape(-1)[:: _step(channel.shape)]
        low, high = window or np.percentile(seen, PERCENTILES)
        if not low <= high:
            raise InputError(f"intensity window {window} given; expected (low, high)")
        np.clip(channel, np.float32(low), np.float32(high), out=result)
        seen = np.clip(seen, low, high).astype(np.float64)
        result -= np.float32(seen.mean())
        result /= np.float32(max(float(seen.std()), 1e-6 * max(1.0, abs(low), abs(high))))
    return out


def _step(size: tuple[int, ...]) -> int:
    """Return how many voxels to go on, so that no more than STATISTICS are seen and no column is seen more often."""
    step = max(1, math.prod(size) // STATISTICS)
    while math.gcd(step, size[-1]) > 1:
        step += 1
    return step


def resample(array: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Resample (c, d, h, w) linearly to another size, smoothing where an axis shrinks; borders of voxels are kept."""
    moved = sample_linear(array, maps.resize(maps.Frame(array.shape[1:]), size))
    return np.ascontiguousarray(moved, np.float32)


def resample_labels(labels: np.ndarray, size: tuple[int, ...], classes: int) -> np.ndarray:
    """Resample (d, h, w) labels: each class as a map, the largest wins; two maps are in memory at a time."""
    found = np.zeros(size, labels.dtype)
    best = resample((labels == 0)[None].astype(np.float32), size)[0]
    for index in range(1, classes):
        if not (labels == index).any():
            continue
        share = resample((labels == index)[None].astype(np.float32), size)[0]
        wins = share > best
        found[wins], best[wins] = index, share[wins]
    return found


def network_patch(image: Image, array: np.ndarray) -> Patch:
    """Wrap a normalised piece (c, d, h, w) so that it keeps the name of its image."""
    return Patch(array, name=image.name)
