"""Random changes of a training sample of 2D-UNet: one warp, and a change of tone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zoo.common.augment import Chain
from zoo.common.augment.intensity import Brightness, Contrast, Gamma
from zoo.common.augment.spatial import Flip, RandomAffine, RandomElastic, Resize
from zoo.common.types import Sample

TURN_RAD = float(np.radians(15))
TONES = (Gamma(), Brightness(amount=0.15), Contrast(factor=(0.85, 1.15)))


def augment(sample: Sample, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Fit the picture into `size` (h, w), mirror, turn, scale, shift and bend it, change its tone.

    Of a volume, one slice is drawn.
    """
    moves = (
        Resize(size=size, keep_proportions=True),
        Flip(),
        RandomAffine(turn_rad=TURN_RAD, scale=(0.8, 1.25), stretch=0.1, shift=0.08),
        RandomElastic(knots_px=size[0] / 4, strength=(0.1, 0.4), probability=0.3),
    )
    picture = sample if sample.image.array.ndim == 3 else draw_slice(sample, rng)
    return Chain((*moves, *TONES)).apply(picture, rng)


def draw_slice(sample: Sample, rng: np.random.Generator) -> Sample:
    """Draw one slice (c, h, w) of a volume (c, d, h, w); half of the time one with something marked on it."""
    image, mask = sample.image, sample.labels["mask"]
    marked = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1))
    index = int(rng.choice(marked) if marked.size and rng.random() < 0.5 else rng.integers(len(mask)))
    spacing = None if image.spacing_mm is None else image.spacing_mm[1:]
    picture = replace(image, array=image.array[:, index], spacing_mm=spacing, affine=None)
    return replace(sample, image=picture, labels={"mask": mask[index]})
