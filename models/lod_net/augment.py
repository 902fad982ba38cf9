"""Random changes of a training picture of LOD-Net: mirrored, turned, warped, another light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.common.augment import Chain
from zoo.common.augment.intensity import Blur, Brightness, Contrast, Gamma
from zoo.common.augment.options import Augmentation
from zoo.common.augment.spatial import Flip, QuarterTurn, RandomAffine, Resize
from zoo.common.ranges import Angle, Factors, Share
from zoo.common.types import Sample


@dataclass(frozen=True)
class PolypAugmentation(Augmentation):
    """How a copy may differ; an endoscope has no upper side. Published: mirrored, scaled, and blurred in a quarter."""

    mirror: bool = True  # along both axes, each in half of the copies
    turn: bool = True  # by quarters
    rotation_deg: Angle = 20.0  # largest further turn, either way
    scale: Factors = (0.75, 1.35)  # size, on a log scale
    stretch: Share = 0.1  # largest extra scale of each axis, as a share
    shift: Share = 0.1  # largest shift, as a share of the sides
    gamma: Factors = (0.75, 1.33)  # exponent of the intensities, on a log scale
    brightness: Share = 0.15  # largest share of the standard deviation that is added, either way
    contrast: Factors = (0.8, 1.2)  # stretch about the mean
    blur: Share = 0.15  # share of the copies that are smoothed


def augment(sample: Sample, size: tuple[int, int], options: PolypAugmentation, rng: np.random.Generator) -> Sample:
    """Fit the picture into `size` (h, w) and change it; only the map of objects comes along."""
    plain = Sample(sample.image, {"instances": sample.labels["instances"]}, sample.group, sample.files)
    moves = (
        Resize(size=size, keep_proportions=True),
        Flip(axes=(-2, -1), chance=0.5 if options.mirror else 0.0),
        QuarterTurn(probability=float(options.turn)),
        RandomAffine(
            turn_rad=float(np.radians(options.rotation_deg)),
            scale=options.scale,
            stretch=options.stretch,
            shift=options.shift,
        ),
    )
    tones = (
        Gamma(exponent=options.gamma),
        Brightness(amount=options.brightness),
        Contrast(factor=options.contrast),
        Blur(sigma_px=(0.5, 1.2), probability=options.blur),
    )
    return Chain((*moves, *tones)).apply(plain, rng)
