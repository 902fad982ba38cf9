"""The configuration of the 3D-UNet: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.common.ranges import Count, Names, Overlap, UNetLevels
from zoo.common.recipe import Recipe


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    classes: Names = ("background", "anterior", "posterior")
    input_channels: Count = 1
    width: Count = 8  # channels of the first convolution; 32 in the paper
    levels: UNetLevels = 4  # resolutions; each halves the one above
    norm_affine: bool = True  # weights of the batch norms
    conv_bias: bool = False
    up_bias: bool = True  # of the transposed convolutions
    deep_supervision: bool = False  # heads on the two coarser decoder outputs, in training
    patch_size: tuple[int, int, int] = (32, 40, 32)  # (d, h, w) of a training piece
    window_size: tuple[int, ...] = (40, 56, 40)  # (d, h, w) of a window at prediction; () takes patch_size
    spacing_mm: tuple[float, ...] = (1.0, 1.0, 1.0)  # (d, h, w) of the network's voxels; () keeps the image's own
    intensities: tuple[float, ...] = ()  # (low, high) to keep, such as HU; () cuts at percentiles
    overlap: Overlap = 0.5  # of neighbouring windows, as a share of their side
    mirrored: tuple[Literal[0, 1, 2], ...] = (2,)  # axes (d, h, w) that training and test-time augmentation flip
    largest_component: bool = False  # keep only the largest connected part of each class
    probabilities: bool = False  # answer with probabilities, too


HEART = (
    "background",
    "left ventricle",
    "right ventricle",
    "left atrium",
    "right atrium",
    "myocardium",
    "aorta",
    "pulmonary artery",
)
VARIANTS: dict[str, Config] = {
    # Xenopus kidney: three channels, three classes; 19,069,955 parameters, the number that the paper prints
    "paper": Config(
        classes=("background", "tubule", "inside tubule"),
        input_channels=3,
        width=32,
        norm_affine=False,
        conv_bias=True,
        up_bias=False,
        patch_size=(64, 128, 128),
        window_size=(),
        spacing_mm=(),
    ),
    # whole heart in CT (MM-WHS), the task of the zoo's published row
    "heart": Config(
        classes=HEART,
        width=32,
        patch_size=(96, 96, 96),
        window_size=(),
        spacing_mm=(1.5, 1.5, 1.5),
        intensities=(-200.0, 800.0),
        mirrored=(),
    ),
    "heart-small": Config(
        classes=HEART,
        width=16,
        patch_size=(64, 64, 64),
        window_size=(),
        spacing_mm=(3.0, 3.0, 3.0),
        intensities=(-200.0, 800.0),
        mirrored=(),
    ),
    "small": Config(),
    "tiny": Config(width=4, levels=3, patch_size=(16, 16, 16), window_size=()),
}

RECIPES: dict[str, Recipe] = {
    "paper": Recipe(epochs=300, batch_size=1, learning_rate=1e-3, optimiser="sgd", momentum=0.99, warmup_epochs=2),
    "heart": Recipe(epochs=300, batch_size=2, learning_rate=1e-3, warmup_epochs=5, clip_norm=10.0),
    "heart-small": Recipe(epochs=150, batch_size=2, learning_rate=1e-3, warmup_epochs=5, clip_norm=10.0),
    "small": Recipe(epochs=10, batch_size=2, learning_rate=3e-3, warmup_epochs=0.3, clip_norm=10.0, ema_decay=0.98),
    "tiny": Recipe(epochs=2, batch_size=2, learning_rate=1e-2, warmup_epochs=0),
}
