"""The configuration of LungNodules-Detection: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.ranges import Count
from zoo.common.recipe import Recipe
from zoo.common.records import later

DLA34 = (16, 32, 64, 128, 256, 512)  # channels of the published backbone
COCO_MEAN, COCO_STD = (0.408, 0.447, 0.470), (0.289, 0.274, 0.278)  # of the published code, for BGR


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    classes: tuple[str, ...] = ("nodule",)
    body: str = "residual_unet"  # or dla34, as published
    channels: tuple[Count, ...] = (16, 32, 64, 96, 128)  # per level of the body, finest first
    stride: Count = 2  # input pixels per cell of the output maps; 4 for dla34
    deformable: bool = False  # DCNv2 in the neck of dla34
    head_channels: Count = 32
    input_channels: Count = 1
    input_size: tuple[int, int] = (256, 352)  # (h, w) [px] of the canvas that a picture is put on
    patch_size: tuple[int, ...] = (96, 96)  # (h, w) [px] of a training piece; () trains on whole canvases
    pixel_mm: float = 1.0  # size of the network's pixels; pictures of unknown pixel size keep theirs. 0: fit the canvas
    window_hu: tuple[float, ...] = (-1000.0, 400.0)  # of CT, which has negative intensities; () for pictures alone
    crop_dark: bool = True  # leave out the black border
    discs: bool = True  # boxes stand for discs, so that training may turn them by any angle; else by quarter turns
    beyond: float = 0.0  # intensity (0..255) of the canvas beyond the picture
    mean: tuple[float, ...] = (0.0,)  # of the intensities scaled to 0..1; one, or one per channel
    std: tuple[float, ...] = (1.0,)
    sizes: str = "log"  # how sides are told: log(side / reference_px), or cells, as published
    reference_px: float = 7.0  # of `log`: a typical side
    peak: str = "share"  # width of a target's peak: share of its side, or the radius of the published code
    threshold: float = 0.3  # boxes below this score are not shown
    max_boxes: Count = 60  # best peaks that are looked at
    class_agnostic: bool = later(False)  # of overlapping boxes the best stays, whatever their classes; else per class
    size_bounds_px: tuple[float, ...] = later((5.0, 8.0))  # roots of areas between which scores tell sizes apart

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
        classes=("RBC", "WBC", "Platelets"),
        stride=4,
        input_channels=3,
        input_size=(240, 320),
        size_bounds_px=(50.0, 100.0),
        patch_size=(128, 128),
        pixel_mm=0.0,
        window_hu=(),
        crop_dark=False,
        discs=False,
        mean=(0.5,),
        std=(0.25,),
        reference_px=50.0,
        max_boxes=100,
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
