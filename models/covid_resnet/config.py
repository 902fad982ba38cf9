"""The configuration of Covid-ResNet: architecture, input, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.ranges import Count, Depth, Lungs, Names, NotNegative, Open, Positive, ShareBelowOne, WindowFrom
from zoo.common.recipe import Recipe
from zoo.common.records import later

EXPANSION = 4  # output channels of a bottleneck per inner channel


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    classes: Names = ("normal", "covid")
    layers: tuple[Depth, Depth, Depth, Depth] = (2, 2, 2, 2)  # blocks of each stage: (2, 2, 2, 2) is ResNet-18
    bottleneck: bool = False  # 1x1, 3x3, 1x1 blocks with four times the channels, as in ResNet-50
    width: Count = 32  # channels of the first stage; 64 in the literature
    input_channels: Count = 1
    input_size: tuple[Count, Count] = (128, 128)  # (h, w) [px]
    mean: tuple[float, ...] = (0.5,)  # of the intensities scaled to 0..1; one, or one per channel
    std: tuple[Positive, ...] = (0.5,)
    crop: str = "none"  # lung: the square around what is not black; none: the whole image
    threshold: Open = 0.5  # of two classes, the second is named from this probability of the network on
    class_weights: tuple[NotNegative, ...] = ()  # of the loss, one per class; () weighs them alike
    label_smoothing: ShareBelowOne = 0.1  # share of the target that is spread over all classes
    window: tuple[float, ...] = later(())  # (centre, width) [HU] of raw CT; () where training saw 8-bit pictures
    window_from: WindowFrom = later("checkpoint")  # file: the window that a DICOM file names counts instead
    lungs: Lungs = later("cut")  # raw CT becomes black around the lungs; whole: it does not
    top_slices: int = later(5)  # most suspicious slices that the summary of a series is the mean of

    @property
    def features(self) -> int:
        """Channels of the last stage."""
        return 8 * self.width * (EXPANSION if self.bottleneck else 1)


VARIANTS: dict[str, Config] = {
    "paper": Config(
        layers=(3, 4, 6, 3),
        bottleneck=True,
        width=64,
        input_channels=3,
        input_size=(224, 224),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        label_smoothing=0.0,
    ),
    "resnet18": Config(
        width=64, input_channels=3, input_size=(224, 224), mean=IMAGENET_MEAN, std=IMAGENET_STD, label_smoothing=0.0
    ),
    "small": Config(),
    "tiny": Config(layers=(1, 1, 1, 1), width=8, input_size=(64, 64)),
}

RECIPES: dict[str, Recipe] = {
    # the published run is three rounds of growing size (128, 224, 229 px), 41 epochs in all
    "paper": Recipe(epochs=41, batch_size=32, learning_rate=1e-3, body_factor=0.1, warmup_epochs=3),
    "resnet18": Recipe(epochs=20, batch_size=32, learning_rate=1e-3, body_factor=0.2, warmup_epochs=2),
    "small": Recipe(epochs=12, batch_size=32, learning_rate=2e-3, weight_decay=0.05, ema_decay=0.99),
    "tiny": Recipe(epochs=2, batch_size=8, learning_rate=3e-3, warmup_epochs=0),
}
