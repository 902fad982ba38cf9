"""The configuration of 2D-UNet: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.ranges import Count, Names, UNetLevels
from zoo.common.recipe import Recipe


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    classes: Names = ("background", "lung")  # the background first
    input_channels: Count = 1
    input_size: tuple[Count, Count] = (128, 128)  # (h, w) [px] of the answer, multiples of 2 ** (levels - 1)
    intensities: tuple[float, ...] = ()  # what becomes 0 and 1; () takes percentiles 0.5 and 99.5 of each image
    width: Count = 16  # channels at full size; doubled at each level
    levels: UNetLevels = 5
    norm: str = "batch"  # batch; none as published
    padding: str = "same"  # same; none as published: the network sees 92 px more on each side, mirrored (five levels)
    two_maps: bool = False  # of two classes, a softmax over both as published; else one map that passes a sigmoid
    largest_component: bool = False  # keep only the largest connected part of each class; only prediction reads it
    probabilities: bool = False  # answer with probabilities, too; only prediction reads it

    @property
    def maps(self) -> int:
        """Channels of the answer."""
        return 1 if len(self.classes) == 2 and not self.two_maps else len(self.classes)


VARIANTS: dict[str, Config] = {
    "paper": Config(input_size=(256, 256), width=64),
    "small": Config(),
    "small-heart": Config(classes=("background", "left ventricle")),
    # a seventeenth of the weights and a fourteenth of the time, for comparisons of many trainings
    "compact-heart": Config(classes=("background", "left ventricle"), input_size=(64, 64), width=8, levels=4),
    "tiny": Config(input_size=(64, 64), width=4, levels=3),
}

# Ronneberger et al. 2015 to the letter: 31,030,658 parameters, 572 x 572 px in, 388 x 388 out
ORIGINAL = Config(width=64, input_size=(388, 388), norm="none", padding="none", two_maps=True)

RECIPES: dict[str, Recipe] = {
    "paper": Recipe(epochs=100, batch_size=8, learning_rate=1e-3),
    "small": Recipe(epochs=45, batch_size=6, learning_rate=4e-3, warmup_epochs=3, ema_decay=0.9),
    "small-heart": Recipe(epochs=24, batch_size=8, learning_rate=2e-3, ema_decay=0.99),
    "compact-heart": Recipe(epochs=12, batch_size=8, learning_rate=2e-3, ema_decay=0.99),
    "tiny": Recipe(epochs=2, batch_size=4, learning_rate=3e-3, warmup_epochs=0.0),
}
