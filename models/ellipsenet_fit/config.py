"""The configuration of EllipseNet-Fit: architecture, input, ellipse fit, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.common.ranges import Count, Names, Positive, UNetLevels
from zoo.common.recipe import Recipe

Fit = Literal["moments", "contour", "ransac"]


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    classes: Names = ("head",)  # outermost first: each later structure lies inside the one before
    preset: Literal["fetal_head", "fetal_heart"] = "fetal_head"  # fetal_head or fetal_heart: which examples are drawn
    ap_axis: Literal["minor", "major"] = "minor"  # front-back axis of the thorax: for the estimated cardiac axis
    input_size: tuple[Count, Count] = (128, 192)  # (h, w) [px], multiples of 2 ** (levels - 1)
    input_channels: Count = 1
    mean: float = 0.216  # of the intensities scaled to 0..1
    std: Positive = 0.222
    width: Count = 16  # channels at full size; doubled at each level
    levels: UNetLevels = 5
    fit: Fit = "moments"  # how an ellipse follows from a mask; only prediction reads it


VARIANTS: dict[str, Config] = {
    "paper": Config(classes=("thorax", "heart"), preset="fetal_heart", input_size=(512, 512), width=64),
    "small": Config(),
    "small-heart": Config(classes=("thorax", "heart"), preset="fetal_heart"),
    "tiny": Config(classes=("thorax", "heart"), preset="fetal_heart", input_size=(64, 64), width=4, levels=3),
}

RECIPES: dict[str, Recipe] = {
    # the original recipe is not known: rate, epochs and batch are guesses at what such a network needs
    "paper": Recipe(epochs=100, batch_size=8, learning_rate=1e-4, weight_decay=0.0),
    "small": Recipe(epochs=18, batch_size=8, learning_rate=2e-3, ema_decay=0.99),
    "small-heart": Recipe(epochs=40, batch_size=8, learning_rate=2e-3, ema_decay=0.99),
    "tiny": Recipe(epochs=2, batch_size=4, learning_rate=3e-3, warmup_epochs=0.0),
}
