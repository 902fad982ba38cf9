"""The configuration of LOD-Net: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Len

from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.ranges import Count, Depth, Positive, Share, ShareBelowOne
from zoo.common.recipe import Recipe

STRIDES = (4, 8, 16, 32, 64)  # input pixels per cell of the pyramid's maps; the heads read all but the last
RATIOS = (0.5, 1.0, 2.0)  # height over width of the anchors
BOX_BINS, MASK_BINS, MASK_SIDE = 7, 14, 28  # cells of a region: for its box, for its mask, of its mask
RPN_WEIGHTS, BOX_WEIGHTS = (1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)  # of the steps from one box to another


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    classes: Annotated[tuple[str, ...], Len(1, 1)] = ("polyp",)
    layers: tuple[Depth, Depth, Depth, Depth] = (2, 2, 2, 2)  # blocks of each stage: (2, 2, 2, 2) is ResNet-18
    bottleneck: bool = False  # 1x1, 3x3, 1x1 blocks with four times the channels, as in ResNet-50
    width: Count = 32  # channels of the first stage; 64 in the literature
    norm: Literal["batch", "frozen"] = "batch"  # frozen: the norms of the body do not learn
    stride_in_1x1: bool = False  # where a bottleneck halves the size: as MSRA's weights have it, or as timm's
    pyramid: Count = 64  # channels of the pyramid, of the proposals and of the mask's trunks
    hidden: Count = 256  # features of the box head
    input_channels: Count = 3
    input_size: tuple[Count, Count] = (256, 256)  # (h, w) [px] of the canvas, multiples of 32
    mean: tuple[float, ...] = IMAGENET_MEAN  # of the intensities scaled to 0..1; one, or one per channel
    std: tuple[Positive, ...] = IMAGENET_STD
    anchors_px: tuple[Positive, Positive, Positive, Positive, Positive] = (16.0, 32.0, 64.0, 128.0, 256.0)
    canonical_px: Positive = 112.0  # side of a region that is read at stride 16
    candidates: tuple[Count, Count] = (200, 200)  # best anchors per level before suppression: in training, prediction
    proposals: Count = 50  # regions of a picture that the box head sees
    anchor_samples: Count = 256  # anchors of a picture that the loss of the proposals looks at
    region_samples: Count = 64  # regions of a picture that the loss of the box head looks at
    positive_share: Share = 0.25  # of these at most
    mask_samples: Count = 8  # positive regions of a picture, at most, whose masks are compared
    points: Count = 50  # places of a mask that count as its border
    offsets: Literal["learned", "fixed"] = "learned"  # where the derivative's target looks for its neighbours
    selection: Literal["flat", "reference"] = "flat"  # rank border points above the value of flat regions, or as coded
    overlap: ShareBelowOne = 0.5  # IoU of boxes above which the weaker is dropped
    least_score: ShareBelowOne = 0.05  # boxes below are not looked at
    threshold: ShareBelowOne = 0.5  # objects below this score are not shown
    least_px: Count = 20  # pixels of the smallest object that is kept
    max_objects: Count = 20  # best objects of a picture that are looked at

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the body's maps of stride 4 to 32."""
        factor = 4 if self.bottleneck else 1
        return tuple(factor * self.width * 2**i for i in range(4))


PAPER = Config(
    layers=(3, 4, 6, 3),
    bottleneck=True,
    width=64,
    norm="frozen",
    pyramid=256,
    hidden=1024,
    input_size=(800, 800),
    anchors_px=(32.0, 64.0, 128.0, 256.0, 512.0),
    canonical_px=224.0,
    candidates=(2000, 1000),
    proposals=1000,
    region_samples=512,
    mask_samples=128,
    max_objects=100,
)

VARIANTS: dict[str, Config] = {
    "paper": PAPER,
    "small": Config(),
    "tiny": Config(
        layers=(1, 1, 1, 1),
        width=4,
        pyramid=8,
        hidden=16,
        input_size=(64, 64),
        anchors_px=(8.0, 16.0, 32.0, 48.0, 64.0),
        canonical_px=32.0,
        candidates=(40, 40),
        proposals=16,
        anchor_samples=64,
        region_samples=16,
        mask_samples=4,
        max_objects=6,
    ),
}

FROZEN = ("backbone.conv1.", "backbone.bn1.", "backbone.layer1.")  # as published

RECIPES: dict[str, Recipe] = {
    # published: 10,000 steps of 8 pictures with the rate divided by ten at 6,000 and 8,000; 55 epochs of 1450 pictures
    "paper": Recipe(
        epochs=55,
        batch_size=8,
        learning_rate=5e-3,
        optimiser="sgd",
        weight_decay=1e-4,
        warmup_epochs=5.5,
        freeze=FROZEN,
    ),
    "small": Recipe(epochs=20, batch_size=4, learning_rate=1e-3, weight_decay=1e-2, clip_norm=10.0, ema_decay=0.995),
    "tiny": Recipe(epochs=2, batch_size=4, learning_rate=3e-3, warmup_epochs=0.0, clip_norm=10.0),
}
