"""Random changes of a training sample of U-CSRNet: a piece, turned and mirrored, its stain a little different."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.common.augment import Chain
from zoo.common.augment.options import Augmentation
from zoo.common.augment.spatial import Flip, QuarterTurn, RandomAffine, RandomCrop
from zoo.common.augment.stain import Stain
from zoo.common.ranges import Angle, Factors, Share
from zoo.common.types import Sample

GLASS = 255.0  # what lies beyond the border of a tile: white, as where there is no tissue


@dataclass(frozen=True)
class TileAugmentation(Augmentation):
    """One warp and one change of stain of a random piece."""

    mirror: bool = True  # along both axes, each in half of the copies
    turn: bool = True  # by quarters
    warp: Share = 0.5  # share of the copies that are turned by any angle, scaled and stretched
    rotation_deg: Angle = 45.0  # largest turn of a warp, either way
    scale: Factors = (0.8, 1.25)  # size, on a log scale
    stretch: Share = 0.05  # largest extra scale of each axis, as a share
    hue: Share = 0.02  # of the circle, either way; brown and blue are the label, so no more
    saturation: Factors = (0.75, 1.3)  # factor of the strength of the colours
    density: Factors = (0.8, 1.25)  # factor of the optical density


def augment(sample: Sample, size: tuple[int, int], options: TileAugmentation, rng: np.random.Generator) -> Sample:
    """Cut a piece (h, w) out, some of them warped; turn it by quarters, mirror it, change its stain.

    The points move along; those outside of the piece are dropped.
    """
    turn_rad = float(np.radians(options.rotation_deg))
    warp = RandomAffine(
        turn_rad=turn_rad, scale=options.scale, stretch=options.stretch, shift=0.0, probability=options.warp
    )
    turn = QuarterTurn(probability=1.0 if options.turn else 0.0)
    flip = Flip(axes=(-2, -1), chance=0.5 if options.mirror else 0.0)
    stain = Stain(hue=options.hue, saturation=options.saturation, density=options.density)
    return Chain((warp, RandomCrop(size=size), turn, flip, stain), fill=GLASS).apply(sample, rng)
