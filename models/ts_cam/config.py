"""The configuration of TS-CAM: architecture, input, maps, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.ranges import Count, Depth, Lungs, Names, NotNegative, Open, Positive, ShareBelowOne, Whole, WindowFrom
from zoo.common.recipe import Recipe
from zoo.common.records import later

Coupling = Literal["official", "relu_diff", "semantic", "attention"]


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    classes: Names = ("normal", "covid")
    background: str = "normal"  # the class that has no place in the picture; "" or a name not in classes: none
    dim: Count = 64  # channels of a token
    depth: Depth = 2  # blocks
    heads: Count = 2  # of the attention
    patch: Count = 8  # side of what becomes one token [px]
    stem: tuple[Count, ...] = (32, 64, 128)  # channels of convolutions of stride 2; () for one convolution per patch
    drop_path: ShareBelowOne = 0.0  # share of samples that skip the last block in training; grows over the blocks
    input_channels: Count = 1
    input_size: tuple[Count, Count] = (96, 96)  # (h, w) [px]
    mean: tuple[float, ...] = (0.5,)  # of the intensities scaled to 0..1; one, or one per channel
    std: tuple[Positive, ...] = (0.5,)
    crop: str = "lung"  # lung: the square around what is not black; none: the whole image
    roi_pool: bool = True  # tokens count by their brightness, black ones not at all; False: all alike, as published
    sharpness: float = 1.0  # 0 pools the tokens' evidence by its mean, as published; more, towards the largest (LSE)
    background_weight: float = 0.3  # of a term that holds every token of a background picture to be background; or 0
    coupling: Coupling = "semantic"  # how maps and attention meet
    map_scale: float = 5.0  # weighted evidence (log-odds) that is 1 in the map; 0 and other couplings: its own maximum
    roi: Literal["none", "lung"] = "none"  # lung: the finished map is zero where the picture is black
    map_threshold: float = 0.3  # share of the map's maximum from which boxes and mask begin
    largest_only: bool = False  # one box, around the largest region, as published
    smallest_px: Whole = 20  # regions of fewer pixels of the image get no box
    threshold: Open = 0.5  # of two classes, the second is named from this probability of the network on
    class_weights: tuple[NotNegative, ...] = ()  # of the loss, one per class; () weighs them alike
    label_smoothing: ShareBelowOne = 0.0  # share of the target that is spread over all classes
    window: tuple[float, ...] = later(())  # (centre, width) [HU] of raw CT; () where training saw 8-bit pictures
    window_from: WindowFrom = later("checkpoint")  # file: the window that a DICOM file names counts instead
    lungs: Lungs = later("cut")  # raw CT becomes black around the lungs; whole: it does not
    top_slices: int = later(5)  # most suspicious slices that the summary of a series is the mean of


def _published(dim: int, heads: int) -> Config:
    return Config(
        dim=dim,
        depth=12,
        heads=heads,
        patch=16,
        stem=(),
        drop_path=0.1,
        input_channels=3,
        input_size=(224, 224),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        crop="none",
        roi_pool=False,
        sharpness=0.0,
        background_weight=0.0,
        coupling="official",
        map_scale=0.0,
        map_threshold=0.1,
        largest_only=True,
        smallest_px=1,
    )


VARIANTS: dict[str, Config] = {
    "paper": _published(384, 6),  # DeiT-S/16
    "deit-tiny": _published(192, 3),
    "deit-base": _published(768, 12),
    "small": Config(),
    "small-endoscopy": Config(
        classes=("normal", "bleeding"),
        input_channels=3,
        input_size=(112, 112),
        crop="none",
        roi_pool=False,
        map_scale=10.0,
    ),
    "tiny": Config(dim=24, depth=2, heads=2, stem=(8, 16, 16), input_size=(48, 48)),
}

RECIPES: dict[str, Recipe] = {
    "paper": Recipe(epochs=30, batch_size=32, learning_rate=5e-5, weight_decay=0.05, warmup_epochs=1),
    "deit-tiny": Recipe(epochs=30, batch_size=32, learning_rate=5e-5, weight_decay=0.05, warmup_epochs=1),
    "deit-base": Recipe(epochs=30, batch_size=32, learning_rate=5e-5, weight_decay=0.05, warmup_epochs=1),
    "small": Recipe(
        epochs=6,
        batch_size=32,
        learning_rate=1.5e-3,
        weight_decay=0.05,
        warmup_epochs=0.5,
        clip_norm=1.0,
        ema_decay=0.98,
    ),
    "small-endoscopy": Recipe(
        epochs=10,
        batch_size=32,
        learning_rate=5e-4,
        weight_decay=0.05,
        warmup_epochs=1,
        clip_norm=1.0,
        ema_decay=0.98,
    ),
    "tiny": Recipe(epochs=2, batch_size=8, learning_rate=2e-3, warmup_epochs=0),
}
