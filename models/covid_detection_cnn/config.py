"""The configuration of Covid-Detection-CNN: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.detection.settings import CELLS, DetectorSettings
from zoo.common.ranges import Count
from zoo.common.recipe import Recipe
from zoo.common.records import later, shallow

Anchors = tuple[tuple[float, float], ...]
COCO_ANCHORS: tuple[Anchors, ...] = (
    ((10.0, 13.0), (16.0, 30.0), (33.0, 23.0)),
    ((30.0, 61.0), (62.0, 45.0), (59.0, 119.0)),
    ((116.0, 90.0), (156.0, 198.0), (373.0, 326.0)),
)
GREY = 114.0  # of the published letterbox
# one fine level has thousands of cells for each box, and the objectness is a mean over cells: the published weights
# leave a cell with an object 30 times less than its box has; 10 restores what they are at 640 px
SMALL_GAINS = (0.05, 10.0, 0.5)


@dataclass(frozen=True)
class Config(DetectorSettings):
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    body: str = "residual_unet"  # or csp, as published
    depth: float = 0.67  # of csp: blocks per stage, as a multiple of 3, 6, 9, 3
    width: float = 0.75  # of csp: channels, as a multiple of 64, 128, 256, 512, 1024
    channels: tuple[Count, ...] = (16, 32, 64, 96, 128)  # of residual_unet, per level, finest first
    strides: tuple[Count, ...] = (2,)  # input pixels per cell of each output level
    anchors_px: tuple[Anchors, ...] = (((5.0, 5.0), (9.0, 9.0), (17.0, 17.0)),)  # (w, h) per level
    balance: tuple[float, ...] = (1.0,)  # weight of each level's objectness
    gains: tuple[float, float, float] = (0.05, 1.0, 0.5)  # weights of boxes, objectness, classes
    overlap: float = 0.45  # boxes of a class with a larger IoU with a better one are dropped
    max_boxes: Count = 100
    class_agnostic: bool = later(False)  # of overlapping boxes the best stays, whatever their classes; else per class

    @property
    def values(self) -> int:
        """Numbers per anchor and cell: x, y, w, h, objectness, classes."""
        return 5 + len(self.classes)


VARIANTS: dict[str, Config] = {
    # YOLOv5m, version 6
    "paper": Config(
        body="csp",
        strides=(8, 16, 32),
        anchors_px=COCO_ANCHORS,
        input_channels=3,
        input_size=(640, 640),
        size_bounds_px=(32.0, 96.0),
        patch_size=(),
        pixel_mm=0.0,
        crop_dark=False,
        discs=False,
        beyond=GREY,
        balance=(4.0, 1.0, 0.4),
        max_boxes=300,
    ),
    # YOLOv5n with one channel
    "nano": Config(
        body="csp",
        depth=0.33,
        width=0.25,
        strides=(8, 16, 32),
        anchors_px=(
            ((5.0, 5.0), (7.0, 7.0), (9.0, 9.0)),
            ((12.0, 12.0), (16.0, 16.0), (21.0, 21.0)),
            ((28.0, 28.0), (38.0, 38.0), (52.0, 52.0)),
        ),
        input_size=(256, 352),
        patch_size=(),
        balance=(4.0, 1.0, 0.4),
    ),
    "small": Config(gains=SMALL_GAINS),
    "small-cells": Config(
        **shallow(CELLS),
        strides=(4,),
        anchors_px=(((18.0, 18.0), (48.0, 48.0), (85.0, 85.0)),),
        gains=SMALL_GAINS,
    ),
    "tiny": Config(
        channels=(4, 8, 8, 16),
        anchors_px=(((6.0, 6.0), (10.0, 10.0)),),
        input_size=(64, 64),
        patch_size=(32, 32),
        max_boxes=20,
    ),
}

RECIPES: dict[str, Recipe] = {
    # the published run warms up the rate of the biases from above and the momentum from below, which the loop does not
    "paper": Recipe(
        epochs=100,
        batch_size=16,
        learning_rate=0.01,
        optimiser="sgd",
        momentum=0.937,
        weight_decay=5e-4,
        warmup_epochs=3,
        clip_norm=10.0,
        ema_decay=0.9999,
    ),
    "nano": Recipe(epochs=60, batch_size=8, learning_rate=2e-3, clip_norm=10.0, ema_decay=0.998),
    "small": Recipe(epochs=40, batch_size=16, learning_rate=1e-3, weight_decay=1e-4, clip_norm=10.0, ema_decay=0.998),
    "small-cells": Recipe(
        epochs=40, batch_size=8, learning_rate=1e-3, weight_decay=1e-4, clip_norm=10.0, ema_decay=0.998
    ),
    "tiny": Recipe(epochs=2, batch_size=4, learning_rate=2e-3, warmup_epochs=0.0),
}
