"""Random changes of a training frame of MTCSN: turned, mirrored, lit otherwise; never blurred or sharpened.

How sharp a frame is belongs to its class.
"""

from __future__ import annotations

import numpy as np

from zoo.common.augment import Chain
from zoo.common.augment.intensity import Brightness, Contrast, Gamma
from zoo.common.augment.spatial import Flip, RandomAffine, Resize
from zoo.common.types import Sample

TONES = (Gamma(exponent=(0.8, 1.25)), Brightness(amount=0.15), Contrast(factor=(0.85, 1.15)))


def augment(sample: Sample, size: tuple[int, int], beyond: int, rng: np.random.Generator) -> Sample:
    """Fit the frame into `size` (h, w), turn it by any angle (a capsule has no up), mirror, scale, shift, relight it.

    beyond: the number that the mask gets where the frame does not reach.
    """
    moves = (
        Resize(size=size, keep_proportions=True),
        Flip(axes=(-2, -1)),
        RandomAffine(turn_rad=float(np.pi), scale=(0.9, 1.2), shift=0.05),
    )
    return Chain((*moves, *TONES), fill=0.0, mask_fill=beyond).apply(sample, rng)
