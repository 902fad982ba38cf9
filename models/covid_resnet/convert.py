"""ImageNet weights of timm's ResNets as a start for Covid-ResNet."""

from __future__ import annotations

import numpy as np

from zoo.common.networks.imagenet import fit_stem
from zoo.common.types import Arrays

from .config import Config

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
    return fit_stem(body, STEM, STATISTICS, config.input_channels, (config.mean, config.std), "a ResNet of timm")
