"""ImageNet weights of timm's DeiTs as a start for TS-CAM."""

from __future__ import annotations

import numpy as np

from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.networks.vit_weights import convert_vit
from zoo.common.types import Arrays

from .config import Config

# by variant: repository and file on the hub, as timm publishes them
IMAGENET: dict[str, tuple[str, str]] = {
    "paper": ("timm/deit_small_patch16_224.fb_in1k", "model.safetensors"),
    "deit-tiny": ("timm/deit_tiny_patch16_224.fb_in1k", "model.safetensors"),
    "deit-base": ("timm/deit_base_patch16_224.fb_in1k", "model.safetensors"),
}


def convert(weights: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Fit published weights to the grid and the input of `config`; leave the head out, it has to start anew."""
    grid = (config.input_size[0] // config.patch, config.input_size[1] // config.patch)
    theirs = (IMAGENET_MEAN, IMAGENET_STD)
    return convert_vit(weights, grid, config.input_channels, (config.mean, config.std), theirs)
