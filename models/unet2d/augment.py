"""Random changes of a training sample of 2D-UNet: one warp, and a change of tone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from zoo.common.augment import Chain
from zoo.common.augment.intensity import Brightness, Contrast, Gamma
from zoo.common.augment.options import Augmentation
from zoo.common.augment.spatial import Flip, RandomAffine, RandomElastic, Resize
from zoo.common.labels import UNKNOWN, beyond
from zoo.common.ranges import Angle, Factors, Share
from zoo.common.types import Sample


@dataclass(frozen=True)
class PictureAugmentation(Augmentation):
    """One warp and one change of tone."""

    mirror: bool = True  # left and right, in half of the copies
    rotation_deg: Angle = 15.0  # largest turn, either way
    scale: Factors = (0.8, 1.25)  # size, on a log scale
    stretch: Share = 0.1  # largest extra scale of each axis, as a share
    shift: Share = 0.08  # largest shift, as a share of the sides
    elastic: Share = 0.3  # share of the copies that are bent smoothly
    gamma: Factors = (0.75, 1.35)  # exponent of the intensities, on a log scale
    brightness: Share = 0.15  # largest share of the standard deviation that is added, either way
    contrast: Factors = (0.85, 1.15)  # stretch about the mean


def augment(sample: Sample, size: tuple[int, int], options: PictureAugmentation, rng: np.random.Generator) -> Sample:
    """Fit the picture into `size` (h, w), mirror, turn, scale, shift and bend it, change its tone.

    Of a volume, one slice is drawn.
    """
    turn_rad = float(np.radians(options.rotation_deg))
    moves = (
        Resize(size=size, keep_proportions=True),
        Flip(chance=0.5 if options.mirror else 0.0),
        RandomAffine(turn_rad=turn_rad, scale=options.scale, stretch=options.stretch, shift=options.shift),
        RandomElastic(knots_px=size[0] / 4, strength=(0.1, 0.4), probability=options.elastic),
    )
    tones = (Gamma(exponent=options.gamma), Brightness(amount=options.brightness), Contrast(factor=options.contrast))
    picture = sample if sample.image.array.ndim == 3 else draw_slice(sample, rng)
    return Chain((*moves, *tones), mask_fill=beyond(picture.labels["mask"])).apply(picture, rng)


def draw_slice(sample: Sample, rng: np.random.Generator) -> Sample:
    """Draw one slice (c, h, w) of a volume (c, d, h, w); half of the time one with something marked on it."""
    image, mask = sample.image, sample.labels["mask"]
    drawn = (mask > 0) & (mask != UNKNOWN)
    marked = np.flatnonzero(drawn.reshape(len(mask), -1).any(axis=1))
    index = int(rng.choice(marked) if marked.size and rng.random() < 0.5 else rng.integers(len(mask)))
    spacing = None if image.spacing_mm is None else image.spacing_mm[1:]
    picture = replace(image, array=image.array[:, index], spacing_mm=spacing, affine=None)
    return replace(sample, image=picture, labels={"mask": mask[index]})
