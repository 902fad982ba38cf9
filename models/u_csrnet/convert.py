"""ImageNet weights of timm's VGG-16 as a start for U-CSRNet."""

from __future__ import annotations

import numpy as np

from zoo.common.errors import WeightsError
from zoo.common.networks.imagenet import fit_input
from zoo.common.types import Arrays

from .config import FRONT, Config

# by variant: repository and file on the hub, as timm publishes them
IMAGENET: dict[str, tuple[str, str]] = {"paper": ("timm/vgg16.tv_in1k", "model.safetensors")}
ANEW = ("back.", "up.")  # beside the head: VGG-16 has nothing like them
FEATURES, STEM, BIAS = "features.", "features.0.weight", "features.0.bias"


def convert(weights: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Fit the first ten convolutions of a VGG-16 to the input of `config`; leave all other layers out.

    weights: under timm's names, which are ours, for RGB pictures that were normalised by ImageNet's mean and std.
    """
    if STEM not in weights or np.ndim(weights[STEM]) != 4 or np.shape(weights[STEM])[1] != 3:
        raise WeightsError(f"{STEM} is missing or not (channels, 3, 3, 3); expected the weights of a VGG-16 of timm")
    last = 2 * len(FRONT) - FRONT.count(0)  # a convolution and its ReLU each, a pooling alone
    body = {
        name: np.asarray(value, np.float32)
        for name, value in weights.items()
        if name.startswith(FEATURES) and int(name.split(".")[1]) < last
    }
    body[STEM], constant = fit_input(body[STEM], config.input_channels, (config.mean, config.std))
    body[BIAS] = (body[BIAS] + constant).astype(np.float32)
    return body
