"""The configuration of U-CSRNet: architecture, input, points, named variants and their recipes."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.ranges import Count, Overlap
from zoo.common.recipe import Recipe

FRONT = (1, 1, 0, 2, 2, 0, 4, 4, 4, 0, 8, 8, 8)  # of VGG-16: channels as multiples of the width; 0 halves the size
BACK = (8, 8, 8, 4, 2, 1)  # dilated convolutions
UPS = 3  # doublings, back to the size of the input
STRIDE = 2**UPS  # of the deepest map; sides of the input are multiples of it


@dataclass(frozen=True)
class Config:
    """What the network looks like and what it sees; the defaults are the shipped small variant."""

    classes: tuple[str, ...] = ("negative", "positive")  # one map each; there is no background
    index_class: str = "positive"  # its share of all cells is the index; "" or a name not in classes: none
    index_name: str = "Ki-67 index"
    width: Count = 16  # channels of the first stage; 64 in VGG-16
    norm: str = "batch"  # batch: after every 3 x 3 and transposed convolution; none as published
    input_channels: Count = 3
    input_size: tuple[int, int] = (256, 256)  # (h, w) [px] of a training piece
    window_size: tuple[int, int] = (640, 640)  # (h, w) [px] of a window at prediction
    overlap: Overlap = 0.25  # of neighbouring windows, as a share of their side
    mean: tuple[float, ...] = IMAGENET_MEAN  # of the intensities scaled to 0..1; one, or one per channel
    std: tuple[float, ...] = IMAGENET_STD
    sigma_px: float = 4.0  # of the bell that stands for a cell
    loss: str = "wmse"  # mse as published, weighted towards cells (wmse), or focal
    cell_weight: float = 20.0  # of wmse: a pixel counts 1 + cell_weight * target
    peak_radius_px: Count = 3  # a peak is the largest value within this distance along both axes
    distance_px: float = 6.0  # of two peaks that are nearer, of whatever classes, the lower one is dropped
    threshold: float = 0.5  # least score of a cell; chosen on the validation split when a run ends


VARIANTS: dict[str, Config] = {
    "paper": Config(width=64, norm="none"),
    "half": Config(width=32),
    "small": Config(),
    "tiny": Config(width=4, input_size=(64, 64), window_size=(64, 64), sigma_px=3.0),
}

RECIPES: dict[str, Recipe] = {
    "paper": Recipe(epochs=100, batch_size=8, learning_rate=1e-4, weight_decay=1e-4, body_factor=0.1),
    "half": Recipe(epochs=100, batch_size=8, learning_rate=1e-3, weight_decay=1e-4, ema_decay=0.99),
    "small": Recipe(epochs=30, batch_size=6, learning_rate=2e-3, weight_decay=1e-4, ema_decay=0.98),
    "tiny": Recipe(epochs=2, batch_size=4, learning_rate=3e-3, warmup_epochs=0.0),
}
