"""ImageNet weights of timm's VGG-16 as a start for U-CSRNet."""

from __future__ import annotations

import numpy as np

from zoo.common.errors import WeightsError
from zoo.common.types import Arrays

from .config import FRONT, IMAGENET_MEAN, IMAGENET_STD, Config

# by variant: repository and file on the hub, as timm publishes them
IMAGENET: dict[str, tuple[str, str]] = {"paper": ("timm/vgg16.tv_in1k", "model.safetensors")}
ANEW = ("back.", "up.")  # beside the head: VGG-16 has nothing like them
FEATURES, STEM = "features.", "features.0.weight"


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
    body[STEM], body["features.0.bias"] = _fit_input(body[STEM], body["features.0.bias"], config)
    return body


def _fit_input(stem: np.ndarray, bias: np.ndarray, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Absorb another normalisation into the first convolution; add up RGB for grey pictures.

    With u = (g - m) / s here and v = (g - m') / s' there, w v = (w s / s') u + w (m - m') / s'. A picture gives the
    same activations, but where the zero padding reaches (1 px).
    """
    if config.input_channels not in (1, 3):
        raise WeightsError(f"ImageNet weights fit 1 or 3 input channels, not {config.input_channels}")
    theirs_mean, theirs_std = (np.reshape(values, (1, 3, 1, 1)) for values in (IMAGENET_MEAN, IMAGENET_STD))
    ours_mean, ours_std = (np.broadcast_to(v, 3).reshape(1, 3, 1, 1) for v in (config.mean, config.std))
    constant = (stem * ((ours_mean - theirs_mean) / theirs_std)).sum((1, 2, 3))
    scaled = stem * (ours_std / theirs_std)
    if config.input_channels == 1:
        scaled = scaled.sum(1, keepdims=True)
    return scaled.astype(np.float32), (bias + constant).astype(np.float32)
