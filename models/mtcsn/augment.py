"""Random changes of a training frame of MTCSN: turned, mirrored, lit otherwise; never blurred or sharpened.

How sharp a frame is belongs to its class.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from zoo.common.augment import Chain, Tone
from zoo.common.augment.intensity import Brightness, Contrast, Gamma
from zoo.common.augment.options import Augmentation
from zoo.common.augment.spatial import Flip, RandomAffine
from zoo.common.ranges import Angle, Factors, Share
from zoo.common.transforms.pictures import letterbox
from zoo.common.types import Sample

RADII = (0.38, 0.5)  # of a disc, as shares of the shorter side


@dataclass(frozen=True)
class FrameAugmentation(Augmentation):
    """One warp and one change of light."""

    mirror: bool = True  # along both axes, each in half of the copies
    rotation_deg: Angle = 180.0  # largest turn, either way: a capsule has no up
    scale: Factors = (0.85, 1.25)  # size, on a log scale
    shift: Share = 0.08  # largest shift, as a share of the sides
    gamma: Factors = (0.67, 1.5)  # exponent of the intensities, on a log scale
    brightness: Share = 0.2  # largest share of the standard deviation that is added, either way
    contrast: Factors = (0.7, 1.4)  # stretch about the mean
    tint: Share = 0.06  # largest change of each colour, as a share
    disc: Share = 0.7  # share of the copies that are seen through a disc, so that the shape of the view tells nothing


@dataclass(frozen=True, kw_only=True)
class Tint(Tone):
    """Scale each channel by itself: capsules differ in their lamps."""

    amount: float

    def change(self, array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        factors = 1 + rng.uniform(-self.amount, self.amount, len(array))
        return array * factors.astype(np.float32).reshape(-1, *[1] * (array.ndim - 1))


def augment(
    sample: Sample, size: tuple[int, int], beyond: int, options: FrameAugmentation, rng: np.random.Generator
) -> Sample:
    """Fit the frame into `size` (h, w), mirror, turn, scale, shift and relight it.

    beyond: the number that the mask gets where the frame does not reach.
    """
    moves = (
        Flip(axes=(-2, -1), chance=0.5 if options.mirror else 0.0),
        RandomAffine(turn_rad=float(np.radians(options.rotation_deg)), scale=options.scale, shift=options.shift),
    )
    tones = (
        Gamma(exponent=options.gamma),
        Brightness(amount=options.brightness),
        Contrast(factor=options.contrast),
        Tint(amount=options.tint),
    )
    moved = Chain((*moves, *tones), fill=0.0, mask_fill=beyond).apply(fitted(sample, size, beyond), rng)
    return through_disc(moved, beyond, rng) if rng.random() < options.disc else moved


def through_disc(sample: Sample, beyond: int, rng: np.random.Generator) -> Sample:
    """Blacken what lies outside of a disc about the middle; the mask gets `beyond` there."""
    mask = np.asarray(sample.labels["mask"])
    h, w = mask.shape
    y, x = (np.array([h, w]) - 1) / 2 + rng.uniform(-0.04, 0.04, 2) * min(h, w)
    rows, columns = np.ogrid[:h, :w]
    hidden = np.hypot(rows - y, columns - x) > rng.uniform(*RADII) * min(h, w)
    picture = replace(sample.image, array=np.where(hidden, np.float32(0), sample.image.array))
    return replace(sample, image=picture, labels={**sample.labels, "mask": np.where(hidden, beyond, mask)})


def fitted(sample: Sample, size: tuple[int, int], beyond: int) -> Sample:
    """Fit frame and mask into `size` (h, w) as preprocess() does: smoothed before shrinking, or grains would differ."""
    image, mask = sample.image, np.asarray(sample.labels["mask"])
    array, _ = letterbox(image.array, size)
    small, _ = letterbox(mask[None].astype(np.float32), size, beyond, nearest=True)
    picture = replace(image, array=array, spacing_mm=None, affine=None)
    return replace(sample, image=picture, labels={**sample.labels, "mask": small[0].astype(mask.dtype)})
