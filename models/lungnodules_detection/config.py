"""The configuration of LungNodules-Detection: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.detection.settings import CELLS, DetectorSettings
from zoo.common.ranges import Count
from zoo.common.recipe import Recipe
from zoo.common.records import later, shallow

DLA34 = (16, 32, 64, 128, 256, 512)  # channels of the published backbone
COCO_MEAN, COCO_STD = (0.408, 0.447, 0.470), (0.289, 0.274, 0.278)  # of the published code, for BGR


@dataclass(frozen=True)
class Config(DetectorSettings):
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    body: str = "residual_unet"  # or dla34, as published
    channels: tuple[Count, ...] = (16, 32, 64, 96, 128)  # per level of the body, finest first
    stride: Count = 2  # input pixels per cell of the output maps; 4 for dla34
    deformable: bool = False  # DCNv2 in the neck of dla34
    head_channels: Count = 32
    sizes: str = "log"  # how sides are told: log(side / reference_px), or cells, as published
    reference_px: float = 7.0  # of `log`: a typical side
    peak: str = "share"  # width of a target's peak: share of its side, or the radius of the published code
    class_agnostic: bool = later(False)  # of overlapping boxes the best stays, whatever their classes; else per class

    @property
    def outputs(self) -> dict[str, int]:
        """Name every head with its channels: logits of the centres, place (x, y) in the cell, sides (w, h)."""
        return {"hm": len(self.classes), "reg": 2, "wh": 2}


VARIANTS: dict[str, Config] = {
    "paper": Config(
        body="dla34",
        channels=DLA34,
        stride=4,
        deformable=True,
        head_channels=256,
        input_channels=3,
        input_size=(512, 512),
        size_bounds_px=(32.0, 96.0),
        patch_size=(),
        pixel_mm=0.0,
        crop_dark=False,
        discs=False,
        mean=COCO_MEAN,
        std=COCO_STD,
        sizes="cells",
        peak="radius",
        max_boxes=100,
    ),
    "small": Config(),
    "small-cells": Config(
        **shallow(CELLS),
        stride=4,
        reference_px=50.0,
    ),
    "tiny": Config(
        channels=(4, 8, 8, 16),
        head_channels=8,
        input_size=(64, 64),
        patch_size=(32, 32),
        reference_px=10.0,
        max_boxes=20,
    ),
}

RECIPES: dict[str, Recipe] = {
    # the published schedule divides the rate by ten at epochs 90 and 120; the loop's cosine ends near the same rate
    "paper": Recipe(epochs=140, batch_size=16, learning_rate=2.5e-4, weight_decay=0.0, clip_norm=35.0),
    "small": Recipe(epochs=60, batch_size=16, learning_rate=1e-3, weight_decay=1e-4, clip_norm=10.0, ema_decay=0.998),
    "small-cells": Recipe(
        epochs=40, batch_size=8, learning_rate=1e-3, weight_decay=1e-4, clip_norm=10.0, ema_decay=0.998
    ),
    "tiny": Recipe(epochs=2, batch_size=4, learning_rate=2e-3, warmup_epochs=0.0),
}
