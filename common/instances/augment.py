"""Random training pieces of a picture of cells: warped, bent, cut out, turned, mirrored, in another stain and light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.common.augment import Chain
from zoo.common.augment.intensity import Blur, Brightness, Contrast, Gamma, Noise
from zoo.common.augment.options import Augmentation
from zoo.common.augment.spatial import Flip, QuarterTurn, RandomAffine, RandomCrop, RandomElastic
from zoo.common.augment.stain import Stain
from zoo.common.instances.pictures import WHITE, Piece, shown
from zoo.common.ranges import Angle, Factors, Share
from zoo.common.types import Sample


@dataclass(frozen=True)
class CellAugmentation(Augmentation):
    """How a piece may differ from its picture."""

    mirror: bool = True  # along both axes, each in half of the copies
    turn: bool = True  # by quarters
    warp: Share = 0.7  # share of the copies that are turned by any angle, scaled and stretched
    rotation_deg: Angle = 45.0  # largest turn of a warp, either way
    scale: Factors = (0.8, 1.25)  # size, on a log scale
    stretch: Share = 0.08  # largest extra scale of each axis, as a share
    elastic: Share = 0.2  # share of the copies that are bent smoothly
    hue: Share = 0.04  # of the circle, either way
    saturation: Factors = (0.7, 1.4)  # factor of the strength of the colours
    density: Factors = (0.75, 1.33)  # factor of the optical density
    brightness: Share = 0.15  # largest share of the standard deviation that is added, either way
    contrast: Factors = (0.8, 1.2)  # stretch about the mean
    gamma: Factors = (0.75, 1.33)  # exponent of the intensities
    blur: Share = 0.15  # share of the copies that are smoothed
    noise: Share = 0.15  # share of the copies that get noise


def random_piece(
    sample: Sample,
    size: tuple[int, int],
    channels: int,
    spread: bool,
    options: CellAugmentation,
    rng: np.random.Generator,
) -> Sample:
    """Cut a piece of `size` (h, w) out of a changed copy; what is smaller lies wholly in it, on white.

    Intensities are those that the network sees, spread over the whole picture before the piece is cut.
    """
    picture = Piece(shown(sample.image, channels, spread), sample.image.spacing_mm, name=sample.image.name)
    copy = Sample(picture, {"instances": sample.labels["instances"]}, sample.group)
    turn_rad = float(np.radians(options.rotation_deg))
    moves = (
        RandomAffine(
            turn_rad=turn_rad, scale=options.scale, stretch=options.stretch, shift=0.0, probability=options.warp
        ),
        RandomElastic(knots_px=48.0, strength=(0.1, 0.4), probability=options.elastic),
        RandomCrop(size=size),
        QuarterTurn(probability=1.0 if options.turn else 0.0),
        Flip(axes=(-2, -1), chance=0.5 if options.mirror else 0.0),
    )
    tones = (
        Stain(hue=options.hue, saturation=options.saturation, density=options.density),
        Gamma(exponent=options.gamma),
        Brightness(amount=options.brightness),
        Contrast(factor=options.contrast),
        Blur(sigma_px=(0.4, 1.1), probability=options.blur),
        Noise(amount=(0.0, 0.15), probability=options.noise),
    )
    return Chain((*moves, *tones), fill=WHITE).apply(copy, rng)
