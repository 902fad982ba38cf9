"""The configuration of Covid-Transformer: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.networks.vit_weights import HALF_MEAN, HALF_STD
from zoo.common.ranges import Count, Depth, Lungs, Names, NotNegative, Open, Positive, ShareBelowOne, WindowFrom
from zoo.common.recipe import Recipe
from zoo.common.records import later


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    classes: Names = ("normal", "covid")
    dim: Count = 128  # channels of a token
    depth: Depth = 4  # blocks
    heads: Count = 4  # of the attention
    patch: Count = 16  # side of what becomes one token [px]
    stem: tuple[Count, ...] = (32, 64, 96, 128)  # channels of convolutions of stride 2; () for one per patch
    drop_path: ShareBelowOne = 0.0  # share of samples that skip the last block in training; grows over the blocks
    input_channels: Count = 1
    input_size: tuple[Count, Count] = (128, 128)  # (h, w) [px]
    mean: tuple[float, ...] = (0.5,)  # of the intensities scaled to 0..1; one, or one per channel
    std: tuple[Positive, ...] = (0.5,)
    crop: str = "lung"  # lung: the square around what is not black; none: the whole image
    threshold: Open = 0.5  # of two classes, the second is named from this probability of the network on
    class_weights: tuple[NotNegative, ...] = ()  # of the loss, one per class; () weighs them alike
    label_smoothing: ShareBelowOne = 0.0  # share of the target that is spread over all classes
    window: tuple[float, ...] = later(())  # (centre, width) [HU] of raw CT; () where training saw 8-bit pictures
    window_from: WindowFrom = later("checkpoint")  # file: the window that a DICOM file names counts instead
    lungs: Lungs = later("cut")  # raw CT becomes black around the lungs; whole: it does not
    top_slices: int = later(5)  # most suspicious slices that the summary of a series is the mean of


def _full(dim: int, depth: int, heads: int, mean: tuple[float, ...], std: tuple[float, ...], crop: str) -> Config:
    return Config(
        dim=dim,
        depth=depth,
        heads=heads,
        stem=(),
        drop_path=0.1,
        input_channels=3,
        input_size=(224, 224),
        mean=mean,
        std=std,
        crop=crop,
    )


VARIANTS: dict[str, Config] = {
    "paper": _full(768, 12, 12, HALF_MEAN, HALF_STD, "none"),  # ViT-B/16
    "vit-small": _full(384, 12, 6, IMAGENET_MEAN, IMAGENET_STD, "lung"),  # DeiT-S/16
    "vit-tiny": _full(192, 12, 3, IMAGENET_MEAN, IMAGENET_STD, "lung"),  # DeiT-Ti/16
    "small": Config(),
    "tiny": Config(dim=24, depth=2, heads=2, stem=(8, 16, 16), patch=8, input_size=(48, 48)),
}

RECIPES: dict[str, Recipe] = {
    "paper": Recipe(epochs=50, batch_size=32, learning_rate=3e-4, weight_decay=0.05, warmup_epochs=5, clip_norm=1.0),
    "vit-small": Recipe(epochs=30, batch_size=32, learning_rate=5e-5, weight_decay=0.05, warmup_epochs=3),
    "vit-tiny": Recipe(epochs=30, batch_size=32, learning_rate=5e-5, weight_decay=0.05, warmup_epochs=3),
    "small": Recipe(
        epochs=24,
        batch_size=32,
        learning_rate=1e-3,
        weight_decay=0.05,
        warmup_epochs=2,
        clip_norm=1.0,
        ema_decay=0.995,
    ),
    "tiny": Recipe(epochs=2, batch_size=8, learning_rate=2e-3, warmup_epochs=0),
}
