"""ImageNet weights of timm's ResNet-50 as a start for LOD-Net's body."""

from __future__ import annotations

import numpy as np

from zoo.common.networks.imagenet import fit_stem
from zoo.common.types import Arrays

from .config import Config

# by variant: repository and file on the hub, as timm publishes them
IMAGENET: dict[str, tuple[str, str]] = {"paper": ("timm/resnet50.a1_in1k", "model.safetensors")}
HEAD = "fc."  # 1000 classes of photographs: of no use here
STEM, STATISTICS = "backbone.conv1.weight", "backbone.bn1.running_mean"


def convert(weights: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Fit published weights to the input of `config`; leave out everything but the body, which starts anew.

    weights: under timm's names, which are ours behind `backbone.`, for RGB pictures normalised by ImageNet's mean and
    std, with the stride in the 3 x 3 convolutions (`stride_in_1x1=False`).
    """
    kept = {n: np.asarray(v) for n, v in weights.items() if not n.startswith(HEAD) and "num_batches_tracked" not in n}
    body = {f"backbone.{name}": value for name, value in kept.items()}
    return fit_stem(body, STEM, STATISTICS, config.input_channels, (config.mean, config.std), "a ResNet of timm")
