"""Random changes of a training sample of U-CSRNet: a piece, turned and mirrored, its stain a little different."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv

from zoo.common.augment import Chain, Tone
from zoo.common.augment.spatial import Flip, QuarterTurn, RandomAffine, RandomCrop
from zoo.common.types import Sample

GLASS = 255.0  # what lies beyond the border of a tile: white, as where there is no tissue


@dataclass(frozen=True, kw_only=True)
class Stain(Tone):
    """Change hue, saturation and brightness of an RGB picture 0..255; grey pictures only change their brightness."""

    hue: float = 0.02  # of the circle, either way; brown and blue are the label, so no more
    saturation: tuple[float, float] = (0.75, 1.3)
    density: tuple[float, float] = (0.8, 1.25)  # factor of the optical density

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


def augment(sample: Sample, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Cut a piece (h, w) out, half of the time scaled; turn it by quarters, mirror it, change its stain.

    The points move along; those outside of the piece are dropped.
    """
    moves = (
        RandomAffine(turn_rad=float(np.pi / 4), scale=(0.8, 1.25), stretch=0.05, shift=0.0, probability=0.5),
        RandomCrop(size=size),
        QuarterTurn(),
        Flip(axes=(-2, -1)),
    )
    return Chain((*moves, Stain()), fill=GLASS).apply(sample, rng)
