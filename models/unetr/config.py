"""The configuration of UNETR: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

from zoo.common.ranges import Count, Depth, Names, Overlap, Whole
from zoo.common.recipe import Recipe

PATCH = 16  # side of the cube that becomes one token; the decoder doubles the size four times


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    classes: Names = ("background", "anterior", "posterior")
    input_channels: Count = 1
    dim: Count = 96  # features of a token; 768 in the paper
    mlp_dim: Count = 384
    heads: Count = 4
    depth: Depth = 12  # transformer blocks
    taps: tuple[Whole, Whole, Whole] = (3, 6, 9)  # blocks, from 0, whose tokens the decoder reads, beside the last
    width: Count = 8  # channels at full resolution; 16 in the paper
    input_size: tuple[int, ...] = (32, 48, 32)  # (d, h, w) of a piece and a window; fixed by the positions
    spacing_mm: tuple[float, ...] = (1.0, 1.0, 1.0)  # (d, h, w) of the network's voxels; () keeps the image's own
    intensities: tuple[float, ...] = ()  # (low, high) to keep, such as HU; () cuts at percentiles
    overlap: Overlap = 0.5  # of neighbouring windows, as a share of their side
    mirrored: tuple[Literal[0, 1, 2], ...] = (2,)  # axes (d, h, w) that training and test-time augmentation flip
    largest_component: bool = False  # keep only the largest connected part of each class
    probabilities: bool = False  # answer with probabilities, too

    @property
    def grid(self) -> tuple[int, ...]:
        """Tokens along each axis."""
        return tuple(side // PATCH for side in self.input_size)

    @property
    def tokens(self) -> int:
        """Tokens of one window."""
        return prod(self.grid)


HEART = (
    "background",
    "left ventricle",
    "right ventricle",
    "left atrium",
    "right atrium",
    "myocardium",
    "aorta",
    "pulmonary artery",
)
VARIANTS: dict[str, Config] = {
    "paper": Config(  # on the heart in CT (MM-WHS), the task of the zoo's published row
        classes=HEART,
        dim=768,
        mlp_dim=3072,
        heads=12,
        width=16,
        input_size=(96, 96, 96),
        spacing_mm=(1.5, 1.5, 1.5),
        intensities=(-200.0, 800.0),
        mirrored=(),
    ),
    "heart-small": Config(
        classes=HEART,
        input_size=(64, 64, 64),
        spacing_mm=(3.0, 3.0, 3.0),
        intensities=(-200.0, 800.0),
        mirrored=(),
    ),
    "small": Config(),
    "tiny": Config(dim=32, mlp_dim=64, heads=2, depth=4, taps=(0, 1, 2), width=2, input_size=(16, 32, 16)),
}

RECIPES: dict[str, Recipe] = {
    "paper": Recipe(epochs=5000, batch_size=1, learning_rate=1e-4, warmup_epochs=50, weight_decay=1e-5),
    "heart-small": Recipe(epochs=300, batch_size=2, learning_rate=5e-4, warmup_epochs=10, weight_decay=1e-5),
    "small": Recipe(epochs=30, batch_size=2, learning_rate=1.5e-3, warmup_epochs=0.5, clip_norm=5.0, ema_decay=0.98),
    "tiny": Recipe(epochs=2, batch_size=2, learning_rate=1e-2, warmup_epochs=0),
}
