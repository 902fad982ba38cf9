"""ImageNet weights of timm's DLA-34 as a start for networks that are built on it."""

from __future__ import annotations

import numpy as np

from zoo.common.networks.imagenet import Normalisation, fit_stem
from zoo.common.types import Arrays

SOURCE = "timm/dla34.in1k", "model.safetensors"  # repository and file on the hub
STEM, STATISTICS, HEAD = "base_layer.0.weight", "base_layer.1.running_mean", "fc."


def convert_dla34(weights: Arrays, prefix: str, channels: int, ours: Normalisation) -> dict[str, np.ndarray]:
    """Fit published weights to an input of `channels` and put `prefix` before their names; leave the head out.

    weights: under timm's names, which are ours, for RGB pictures that were normalised by ImageNet's mean and std.
    Nothing else is renamed, dropped or resized: the loader compares every name and shape with the network.
    """
    body = {n: np.asarray(v) for n, v in weights.items() if not n.startswith(HEAD) and "num_batches_tracked" not in n}
    fitted = fit_stem(body, STEM, STATISTICS, channels, ours, "a DLA-34 of timm")
    return {prefix + name: value for name, value in fitted.items()}
