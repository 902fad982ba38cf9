"""The configuration of CD-Net: architecture, input, prediction, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.common.instances.settings import TernarySettings
from zoo.common.ranges import Count, Levels, Overlap, ShareBelowOne
from zoo.common.recipe import Recipe

VGG16 = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))  # stages: channels as multiples of the width, and convolutions
DIRECTIONS = 8  # classes of 45 degrees; class 0 is the background


@dataclass(frozen=True)
class Config(TernarySettings):
    """What the network looks like, beside what it sees; the defaults are the shipped small variant."""

    overlap: Overlap = 0.25  # directions need a centre in sight
    encoder: Literal["plain", "vgg16"] = "plain"  # vgg16 as published: five poolings; plain: two convolutions a level
    width: Count = 32  # channels of the first stage; 64 in VGG-16
    levels: Levels = 4  # of the plain encoder, each twice as wide as the one above
    head_width: Count = 32  # channels of the features for regions, directions and centres; 64 as published
    direction_dice: Literal["plain", "neighbour"] = "plain"  # neighbour as published: the next direction is rewarded
    difference: bool = True  # directions that differ make a boundary; only prediction reads it
    point_share: ShareBelowOne = 0.2  # of the highest centre; around what lies above, directions may differ
    maps: bool = False  # answer with the maps of centres, directions and their difference, too; prediction reads it

    @property
    def stages(self) -> tuple[tuple[int, int], ...]:
        """Channels and number of convolutions of each stage of the encoder, the finest first."""
        if self.encoder == "vgg16":
            return tuple((factor * self.width, count) for factor, count in VGG16)
        return tuple((self.width * 2**level, 2) for level in range(self.levels))

    @property
    def decoder(self) -> tuple[int, ...]:
        """Channels of each block of the decoder, the coarsest first; VGG-16 has a skip more than the plain encoder."""
        if self.encoder == "vgg16":
            return tuple(max(1, 4 * self.width // 2**level) for level in range(len(VGG16)))
        return tuple(self.width * 2**level for level in reversed(range(self.levels - 1)))

    @property
    def stride(self) -> int:
        """What the sides of the network's input are multiples of."""
        return int(2 ** len(self.decoder))


VARIANTS: dict[str, Config] = {
    "paper": Config(encoder="vgg16", width=64, head_width=64, input_size=(256, 256), intensities="as they are"),
    "small": Config(separation="watershed"),
    "light": Config(width=16, head_width=16, separation="watershed"),
    "tiny": Config(input_size=(64, 64), window_size=(64, 64), width=4, levels=3, head_width=4),
}

RECIPES: dict[str, Recipe] = {
    "paper": Recipe(epochs=300, batch_size=8, learning_rate=1e-3, weight_decay=1e-4, final_factor=1.0),
    "small": Recipe(epochs=5, batch_size=4, repeats=20, learning_rate=2e-3, weight_decay=1e-4, ema_decay=0.98),
    "light": Recipe(epochs=5, batch_size=4, repeats=40, learning_rate=3e-3, weight_decay=1e-4, ema_decay=0.98),
    "tiny": Recipe(epochs=2, batch_size=4, learning_rate=3e-3, warmup_epochs=0.0),
}
