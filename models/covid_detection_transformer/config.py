"""The configuration of Covid-Detection-Transformer: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

from zoo.common.detection.settings import CELLS, DetectorSettings
from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.ranges import Count, Depth, Positive, ShareBelowOne
from zoo.common.recipe import Recipe
from zoo.common.records import shallow

DEPTHS = (3, 4, 6, 3)  # blocks per stage of resnet50
PLAIN = "resnet50"  # the body of plain DETR
Layers = Annotated[int, Interval(ge=0, le=1000)]


@dataclass(frozen=True)
class Config(DetectorSettings):
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    body: str = "residual_unet"  # a heat map chooses the queries; or resnet50: plain DETR, as published
    channels: tuple[Count, ...] = (16, 32, 64, 96, 128)  # of residual_unet, per level, finest first
    stride: Count = 4  # input pixels per token
    dim: Count = 96  # channels of a token
    heads: Count = 8  # of every attention
    encoder_layers: Layers = 0  # of resnet50
    decoder_layers: Depth = 3
    feedforward: Count = 256  # channels inside a layer
    dropout: ShareBelowOne = 0.0
    queries: Count = 12  # in training, and the most objects of a training picture
    queries_whole: Count = 60  # in prediction; plain DETR has its `queries` learned ones
    reference_px: Positive = 7.0  # a typical side; sides are told as multiples of it, but by plain DETR
    gains: tuple[float, float, float] = (1.0, 5.0, 2.0)  # of class, distance and overlap, in the match and in the loss
    distance_px: Positive = 32.0  # what a distance of 1 is; plain DETR measures in shares of the canvas
    empty_weight: float = 0.1  # of `no object` in plain DETR's class loss

    @property
    def is_plain(self) -> bool:
        """Whether this is DETR as published."""
        return self.body == PLAIN


VARIANTS: dict[str, Config] = {
    "paper": Config(
        body=PLAIN,
        stride=32,
        dim=256,
        encoder_layers=6,
        decoder_layers=6,
        feedforward=2048,
        dropout=0.1,
        queries=100,
        queries_whole=100,
        input_channels=3,
        input_size=(800, 800),
        size_bounds_px=(32.0, 96.0),
        patch_size=(),
        pixel_mm=0.0,
        crop_dark=False,
        discs=False,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        max_boxes=100,
    ),
    "small": Config(),
    "small-cells": Config(
        **shallow(CELLS),
        queries=24,
        queries_whole=100,
        reference_px=50.0,
        distance_px=128.0,
    ),
    "tiny": Config(
        channels=(4, 8, 8, 16),
        dim=16,
        heads=2,
        decoder_layers=2,
        feedforward=32,
        queries=6,
        queries_whole=20,
        input_size=(64, 64),
        patch_size=(32, 32),
        reference_px=10.0,
        max_boxes=20,
    ),
}

FROZEN = ("detr.backbone.conv1.", "detr.backbone.layer1.")  # as published

RECIPES: dict[str, Recipe] = {
    # the published schedule divides the rate by ten at epoch 200 of 300; the loop's cosine ends near the same rate
    "paper": Recipe(
        epochs=300,
        batch_size=16,
        learning_rate=1e-4,
        rates=(("detr.backbone.", 0.1),),
        warmup_epochs=0.0,
        weight_decay=1e-4,
        clip_norm=0.1,
        freeze=FROZEN,
    ),
    "small": Recipe(epochs=40, batch_size=16, learning_rate=1e-3, weight_decay=1e-4, clip_norm=10.0, ema_decay=0.998),
    "small-cells": Recipe(
        epochs=60, batch_size=8, learning_rate=1e-3, weight_decay=1e-4, clip_norm=10.0, ema_decay=0.998
    ),
    "tiny": Recipe(epochs=2, batch_size=4, learning_rate=2e-3, warmup_epochs=0.0),
}
