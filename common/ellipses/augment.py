"""Random changes of a training sample: one affine warp, carried exactly to the ellipses, and a change of tone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.common.augment.options import Augmentation
from zoo.common.ellipses import geometry
from zoo.common.ranges import Angle, Factors, Share
from zoo.common.transforms.pictures import (
    centred_affine,
    compose_affine,
    invert_affine,
    jitter_intensity,
    resize,
    warp_affine,
)
from zoo.common.types import Image, Sample


@dataclass(frozen=True)
class EllipseAugmentation(Augmentation):
    """One warp and one change of tone."""

    mirror: bool = True  # left and right, in half of the copies
    rotation_deg: Angle = 30.0  # largest turn, either way
    scale: Factors = (0.8, 1.25)  # size, on a log scale
    shift: Share = 0.08  # largest shift, as a share of the sides
    gamma: Factors = (0.75, 1.35)  # exponent of the intensities, on a log scale
    brightness: Share = 0.15  # largest change of the mean, as a share
    contrast: Share = 0.15  # largest change of the distance from the mean, as a share


def augment(sample: Sample, size: tuple[int, int], options: EllipseAugmentation, rng: np.random.Generator) -> Sample:
    """Flip, turn, scale and shift the sample into a picture of `size` (h, w), and change its tone."""
    array = sample.image.array
    old = (array.shape[1], array.shape[2])
    factor = min(size[0] / old[0], size[1] / old[1]) * np.exp(rng.uniform(*np.log(options.scale)))
    # shrinking is left to a resize that smooths: the warp itself reads single pixels
    shrunk = (max(1, round(old[0] * min(factor, 1))), max(1, round(old[1] * min(factor, 1))))
    step = np.array([shrunk[1] / old[1], shrunk[0] / old[0]])
    to_shrunk = np.column_stack([np.diag(step), step / 2 - 0.5])
    matrix = centre_to_centre(old, size, factor)
    shift = rng.uniform(-options.shift, options.shift, 2) * size[::-1]
    turn_rad = np.radians(options.rotation_deg)
    moved = centred_affine(
        size,
        angle_rad=rng.uniform(-turn_rad, turn_rad),
        shift_px=tuple(shift),
        flip=bool(rng.random() < 0.5) and options.mirror,
    )
    matrix = compose_affine(matrix, moved)
    array = warp_affine(resize(array, shrunk), compose_affine(invert_affine(to_shrunk), matrix), size)
    image = Image(change_tone(array, options, rng), _spacing(sample.image.spacing_mm, factor), name=sample.image.name)
    labels = {"ellipses": geometry.transform(sample.labels["ellipses"], matrix)}
    return Sample(image, labels, sample.group)


def centre_to_centre(old: tuple[int, int], new: tuple[int, int], factor: float) -> np.ndarray:
    """Build the map that scales by `factor` and puts the middle of the old picture (h, w) on that of the new one."""
    middle_old, middle_new = (np.array(size[::-1], float) / 2 - 0.5 for size in (old, new))
    return np.column_stack([np.eye(2) * factor, middle_new - factor * middle_old])


def change_tone(array: np.ndarray, options: EllipseAugmentation, rng: np.random.Generator) -> np.ndarray:
    """Apply a random gamma, brightness and contrast; stays within 0 and the largest intensity."""
    top = max(float(array.max()), 1e-6)
    bent = top * (np.clip(array, 0, None) / top) ** np.float32(np.exp(rng.uniform(*np.log(options.gamma))))
    return np.clip(jitter_intensity(bent, rng, options.brightness, options.contrast), 0, top).astype(np.float32)


def _spacing(spacing_mm: tuple[float, ...] | None, factor: float) -> tuple[float, ...] | None:
    """Return the size of a new pixel; unknown when pixels were not square, since the picture was turned."""
    if spacing_mm is None or not np.allclose(spacing_mm, spacing_mm[0]):
        return None
    return tuple(side / factor for side in spacing_mm)
