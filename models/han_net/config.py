"""The configuration of Han-Net: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.common.ranges import Count, Names, Overlap, Whole
from zoo.common.recipe import Recipe

POOLED = 8  # side of the squares that the attention between places averages
KEY_SHARE = 8  # channels of a feature per channel of its keys


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    classes: Names = ("nucleus",)
    input_channels: Count = 3
    widths: tuple[Count, ...] = (16, 32, 64, 128)  # channels of the nested U, one number per level
    stem: Count = 16  # channels that the dense stream begins with
    growth: Count = 8  # channels that a layer of a dense block adds
    dilations: tuple[tuple[Count, ...], ...] = ((1, 1, 1, 1), (1, 2, 3, 2), (1, 1, 1, 1))  # of each layer, per block
    features: Count = 32  # channels of what both streams are joined to; a multiple of 8
    input_size: tuple[Count, Count] = (128, 128)  # (h, w) [px] of a training piece
    window_size: tuple[Count, Count] = (256, 256)  # (h, w) [px] of a window at prediction
    overlap: Overlap = 0.15  # of neighbouring windows, as a share of their side
    intensities: Literal["spread", "as they are"] = "spread"  # spread: between percentiles, dark ground turned light
    least_px: Whole = 20  # pixels of the smallest inside that is kept
    grow_px: Whole = 1  # steps by which an object grows after its inside was found; the targets take one off

    @property
    def stride(self) -> int:
        """Sides of the input are multiples of it."""
        return max(POOLED, 2 ** (len(self.widths) - 1))


HYBRID = ((1,) * 6, (1, 2, 3, 1, 2, 3), (1, 2, 3, 5, 6, 7), (1,) * 6)
VARIANTS: dict[str, Config] = {
    "paper": Config(
        widths=(32, 64, 128, 256, 512), stem=24, growth=24, dilations=HYBRID, features=64, input_size=(256, 256)
    ),
    "small": Config(),
    "tiny": Config(
        widths=(4, 8), stem=4, growth=4, dilations=((1, 2),), features=8, input_size=(64, 64), window_size=(64, 64)
    ),
}

RECIPES: dict[str, Recipe] = {
    "paper": Recipe(epochs=300, batch_size=8, learning_rate=1e-3, weight_decay=1e-4, final_factor=1.0),
    "small": Recipe(epochs=6, batch_size=4, repeats=18, learning_rate=2e-3, weight_decay=1e-4, ema_decay=0.98),
    "tiny": Recipe(epochs=2, batch_size=4, learning_rate=3e-3, warmup_epochs=0.0),
}
