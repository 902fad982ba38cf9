"""The configuration of MTCSN: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.ranges import Count, Depth
from zoo.common.recipe import Recipe

EXPANSION = 4  # output channels of a bottleneck per inner channel
CELLS = 4  # rows and columns of the grid in which the classifier sees the tissues


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the small variant."""

    classes: tuple[str, ...] = ("clear", "partly_obscured", "unusable")  # of a frame
    tissues: tuple[str, ...] = ("outside", "mucosa", "obscured", "lesion")  # of a pixel
    outside: str = "outside"  # the tissue beyond the field of view; where there is none, black pixels are beyond it
    mucosa: str = "mucosa"  # the tissue whose share of the field of view explains the class
    layers: tuple[Depth, Depth, Depth, Depth] = (2, 2, 2, 2)  # blocks of each stage: (2, 2, 2, 2) is ResNet-18
    bottleneck: bool = False  # 1x1, 3x3, 1x1 blocks with four times the channels, as in ResNet-50
    width: Count = 32  # channels of the first stage; 64 in the literature
    decoder: tuple[Count, Count, Count, Count, Count] = (128, 64, 32, 16, 16)  # channels of each doubling
    hidden: Count = 64  # channels of the classifier
    dropout: float = 0.2  # before the last layer of the classifier
    cd_to_tss: bool = True  # what the classifier saw weighs the channels of the decoder
    tss_to_cd: bool = True  # the classifier sees where which tissue is
    input_channels: Count = 3
    input_size: tuple[int, int] = (256, 256)  # (h, w) [px], multiples of 32
    mean: tuple[float, ...] = IMAGENET_MEAN  # of the intensities scaled to 0..1; one, or one per channel
    std: tuple[float, ...] = IMAGENET_STD
    colours: tuple[float, ...] = ()  # means [0..255] to which a frame's channels are brought; () leaves them
    threshold: float = 0.5  # of two classes, the second is named from this probability of the network on
    mask_threshold: float = 0.5  # of two tissues, the second is marked from this probability of the network on
    class_weights: tuple[float, ...] = ()  # of the loss, one per class; () weighs them alike
    mask_weight: float = 1.0  # of the loss of the pixels

    @property
    def features(self) -> tuple[int, int, int, int, int]:
        """Channels of the stem and of the four stages."""
        factor = EXPANSION if self.bottleneck else 1
        stages = tuple(factor * self.width * 2**k for k in range(4))
        return (self.width, *stages)


PUBLISHED = (256, 128, 64, 32, 16)  # a reconstruction: the paper's own numbers are not to be had
BLEEDING = Config(
    classes=("normal", "bleeding"),
    tissues=("mucosa", "bleeding"),
    width=16,
    input_size=(96, 96),
    colours=(150.0, 90.0, 70.0),
    mask_threshold=0.25,  # blood of unknown videos is marked with less certainty
)
VARIANTS: dict[str, Config] = {
    "paper": Config(layers=(3, 4, 6, 3), bottleneck=True, width=64, decoder=PUBLISHED, hidden=256),
    "resnet34": Config(layers=(3, 4, 6, 3), width=64, decoder=PUBLISHED, hidden=256),
    "resnet18": Config(width=64, decoder=PUBLISHED, hidden=256),
    "small": Config(),
    "small-bleeding": BLEEDING,
    "small-simulated": Config(width=16, input_size=(96, 96)),
    "tiny": Config(layers=(1, 1, 1, 1), width=8, decoder=(16, 16, 8, 8, 8), hidden=16, input_size=(64, 64)),
}

RECIPES: dict[str, Recipe] = {
    "paper": Recipe(epochs=60, batch_size=16, learning_rate=3e-4, weight_decay=1e-4, body_factor=0.33),
    "small": Recipe(epochs=30, batch_size=16, learning_rate=1e-3, weight_decay=1e-4, ema_decay=0.98),
    "small-bleeding": Recipe(
        epochs=10, batch_size=16, learning_rate=2e-3, final_factor=0.3, weight_decay=0.02, ema_decay=0.995
    ),
    "small-simulated": Recipe(epochs=12, batch_size=16, learning_rate=2e-3, weight_decay=1e-3, ema_decay=0.98),
    "tiny": Recipe(epochs=2, batch_size=4, learning_rate=3e-3, warmup_epochs=0.0),
}
