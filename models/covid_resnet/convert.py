"""ImageNet weights of timm's ResNets as a start for Covid-ResNet."""

from __future__ import annotations

import numpy as np

from zoo.common.errors import WeightsError
from zoo.common.types import Arrays

from .config import IMAGENET_MEAN, IMAGENET_STD, Config

# by variant: repository and file on the hub, as timm publishes them
IMAGENET: dict[str, tuple[str, str]] = {
    "paper": ("timm/resnet50.a1_in1k", "model.safetensors"),
    "resnet18": ("timm/resnet18.a1_in1k", "model.safetensors"),
}
HEAD = "fc."  # 1000 classes of photographs: of no use here
STEM, STATISTICS = "conv1.weight", "bn1.running_mean"


def convert(weights: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Fit published weights to the input of `config`; leave the head out, it has to start anew.

    weights: under timm's names, which are ours, for RGB pictures that were normalised by ImageNet's mean and std.
    Nothing else is renamed, dropped or resized: the loader compares every name and shape with the network.
    """
    body = {n: np.asarray(v) for n, v in weights.items() if not n.startswith(HEAD) and "num_batches_tracked" not in n}
    for name in (STEM, STATISTICS):
        if name not in body:
            raise WeightsError(f"{name} is missing; expected the weights of a ResNet of timm")
    if body[STEM].ndim != 4 or body[STEM].shape[1] != 3:
        raise WeightsError(f"{STEM} is {body[STEM].shape}; expected (channels, 3, 7, 7)")
    body[STEM], body[STATISTICS] = _fit_input(body[STEM], body[STATISTICS], config)
    return body


def _fit_input(stem: np.ndarray, mean: np.ndarray, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Absorb another normalisation into the first convolution and the norm behind it; add up RGB for grey pictures.

    With u = (g - m) / s here and v = (g - m') / s' there, w v = (w s / s') u + w (m - m') / s'. The constant part moves
    into the running mean, so a grey picture gives the same activations, but where the zero padding reaches (3 px).
    """
    if config.input_channels not in (1, 3):
        raise WeightsError(f"ImageNet weights fit 1 or 3 input channels, not {config.input_channels}")
    theirs_mean, theirs_std = (np.reshape(values, (1, 3, 1, 1)) for values in (IMAGENET_MEAN, IMAGENET_STD))
    ours_mean, ours_std = (np.broadcast_to(v, 3).reshape(1, 3, 1, 1) for v in (config.mean, config.std))
    scaled = stem * (ours_std / theirs_std)
    constant = (stem * ((ours_mean - theirs_mean) / theirs_std)).sum((1, 2, 3))
    if config.input_channels == 1:
        scaled = scaled.sum(1, keepdims=True)
    return scaled.astype(np.float32), (mean - constant).astype(np.float32)
