"""The configuration of EllipseNet: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.common.ranges import Count, Names, Positive
from zoo.common.recipe import Recipe

Stages = tuple[Count, Count, Count, Count, Count, Count]
STRIDE = 4  # input pixels per cell of the output maps
RATIOS = ("al", "bl", "ratio_al", "ratio_bl")  # outputs that pass a sigmoid inside the network


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    classes: Names = ("head",)  # one ellipse of each per image
    preset: Literal["fetal_head", "fetal_heart"] = "fetal_head"  # which measurements follow from the ellipses
    ap_axis: Literal["minor", "major"] = "minor"  # front-back axis of the thorax: for the estimated cardiac axis
    input_size: tuple[Count, Count] = (192, 288)  # (h, w) [px], multiples of 32
    input_channels: Count = 1
    mean: float = 0.216  # of the intensities scaled to 0..1
    std: Positive = 0.222
    channels: Stages = (16, 16, 32, 64, 96, 128)  # of the six stages of the backbone
    head_channels: Count = 64
    heads: Literal["per_class", "official"] = "per_class"  # own maps for each class, or one for all, as published
    deformable: bool = False  # DCNv2 in the neck instead of plain 3 x 3 convolutions
    dead_projections: bool = False  # keep 41,728 weights (DLA-34) of the published code that never reach an output
    enclosing: Literal["axis_aligned", "smallest"] = "axis_aligned"  # box of the distance term of the IoU loss

    @property
    def outputs(self) -> dict[str, int]:
        """Name every head with its channels, all (channels, h / 4, w / 4).

        hm: logits of the centres. reg: offset (x, y) of the centre in its cell. l: diagonal 2 sqrt(a^2 + b^2) of the
        enclosing rectangle [cells]. al, bl: 2a / l and 2b / l. angle: (cos 2t, sin 2t), theta: t / pi.
        Two-channel maps of `per_class` are ordered class by class: (x, y) of the first, (x, y) of the second.
        """
        k = len(self.classes)
        if self.heads == "official":
            return {"hm": k, "reg": 2, "l": 1, "ratio_al": 1, "ratio_bl": 1, "theta": 1, "sincos": 2}
        return {"hm": k, "reg": 2 * k, "l": k, "al": k, "bl": k, "angle": 2 * k}


VARIANTS: dict[str, Config] = {
    "paper": Config(
        classes=("thorax", "heart"),
        preset="fetal_heart",
        input_size=(608, 896),
        input_channels=3,
        channels=(16, 32, 64, 128, 256, 512),
        head_channels=256,
        heads="official",
        deformable=True,
        dead_projections=True,
        enclosing="smallest",
    ),
    "small": Config(),
    "small-heart": Config(classes=("thorax", "heart"), preset="fetal_heart"),
    "tiny": Config(
        classes=("thorax", "heart"),
        preset="fetal_heart",
        input_size=(64, 64),
        channels=(4, 4, 8, 8, 16, 16),
        head_channels=8,
    ),
}

RECIPES: dict[str, Recipe] = {
    # the published schedule divides the rate at epochs 80 and 120; the loop's cosine ends near the same rate
    "paper": Recipe(epochs=120, batch_size=24, learning_rate=5e-4, weight_decay=0.0, clip_norm=35.0),
    "small": Recipe(epochs=45, batch_size=8, learning_rate=1.5e-3, clip_norm=10.0, ema_decay=0.995),
    "small-heart": Recipe(epochs=60, batch_size=8, learning_rate=1.5e-3, clip_norm=10.0, ema_decay=0.995),
    "tiny": Recipe(epochs=2, batch_size=4, learning_rate=2e-3, warmup_epochs=0.0),
}
