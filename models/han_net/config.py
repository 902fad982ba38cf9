"""The configuration of Han-Net: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.instances.settings import TernarySettings
from zoo.common.ranges import Count
from zoo.common.recipe import Recipe

POOLED = 8  # side of the squares that the attention between places averages
KEY_SHARE = 8  # channels of a feature per channel of its keys


@dataclass(frozen=True)
class Config(TernarySettings):
    """What the network looks like, beside what it sees; the defaults are the shipped small variant."""

    widths: tuple[Count, ...] = (16, 32, 64, 128)  # channels of the nested U, one number per level
    stem: Count = 16  # channels that the dense stream begins with
    growth: Count = 8  # channels that a layer of a dense block adds
    dilations: tuple[tuple[Count, ...], ...] = ((1, 1, 1, 1), (1, 2, 3, 2), (1, 1, 1, 1))  # of each layer, per block
    features: Count = 32  # channels of what both streams are joined to; a multiple of 8

    @property
    def stride(self) -> int:
        """Sides of the input are multiples of it."""
        return max(POOLED, 2 ** (len(self.widths) - 1))


HYBRID = ((1,) * 6, (1, 2, 3, 1, 2, 3), (1, 2, 3, 5, 6, 7), (1,) * 6)
VARIANTS: dict[str, Config] = {
    "paper": Config(
        widths=(32, 64, 128, 256, 512), stem=24, growth=24, dilations=HYBRID, features=64, input_size=(256, 256)
    ),
    "small": Config(separation="watershed"),
    "tiny": Config(
        widths=(4, 8), stem=4, growth=4, dilations=((1, 2),), features=8, input_size=(64, 64), window_size=(64, 64)
    ),
}

RECIPES: dict[str, Recipe] = {
    "paper": Recipe(epochs=300, batch_size=8, learning_rate=1e-3, weight_decay=1e-4, final_factor=1.0),
    "small": Recipe(epochs=6, batch_size=4, repeats=18, learning_rate=2e-3, weight_decay=1e-4, ema_decay=0.98),
    "tiny": Recipe(epochs=2, batch_size=4, learning_rate=3e-3, warmup_epochs=0.0),
}
