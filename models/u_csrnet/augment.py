"""Random changes of a training sample of U-CSRNet: a piece, turned and mirrored, its stain a little different."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv

from zoo.common.augment import Chain, Tone
from zoo.common.augment.options import Augmentation
from zoo.common.augment.spatial import Flip, QuarterTurn, RandomAffine, RandomCrop
from zoo.common.ranges import Angle, Factors, Share
from zoo.common.types import Sample

GLASS = 255.0  # what lies beyond the border of a tile: white, as where there is no tissue


@dataclass(frozen=True, kw_only=True)
class Stain(Tone):
    """Change hue, saturation and brightness of an RGB picture 0..255; grey pictures only change their brightness."""

    hue: float  # of the circle, either way
    saturation: tuple[float, float]
    density: tuple[float, float]  # factor of the optical density

    def change(self, array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        hue, saturation = rng.uniform(-self.hue, self.hue), np.exp(rng.uniform(*np.log(self.saturation)))
        density = np.exp(rng.uniform(*np.log(self.density)))
        scaled = (array.clip(0, 255) / 255) ** np.float32(density)
        if len(array) != 3:
            return 255 * scaled
        hsv = rgb_to_hsv(np.moveaxis(scaled, 0, -1))
        hsv[..., 0] = (hsv[..., 0] + hue) % 1
        hsv[..., 1] = np.clip(hsv[..., 1] * saturation, 0, 1)
        return np.moveaxis(255 * hsv_to_rgb(hsv), -1, 0)


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
