"""ImageNet weights of timm's vision transformers as a start for Covid-Transformer."""

from __future__ import annotations

import numpy as np

from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.networks.vit_weights import HALF_MEAN, HALF_STD, POSITIONS, convert_vit
from zoo.common.types import Arrays

from .config import VARIANTS, Config

# by variant: repository and file on the hub, as timm publishes them
IMAGENET: dict[str, tuple[str, str]] = {
    "paper": ("timm/vit_base_patch16_224.augreg2_in21k_ft_in1k", "model.safetensors"),
    "vit-small": ("timm/deit_small_patch16_224.fb_in1k", "model.safetensors"),
    "vit-tiny": ("timm/deit_tiny_patch16_224.fb_in1k", "model.safetensors"),
}


def convert(weights: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Fit published weights to the grid and the input of `config`; leave the head out, it has to start anew."""
    # ViT-B was trained on pictures scaled to -1..1, the DeiTs on ImageNet's mean and std: known by their width
    is_base = POSITIONS in weights and weights[POSITIONS].shape[-1] == VARIANTS["paper"].dim
    theirs = (HALF_MEAN, HALF_STD) if is_base else (IMAGENET_MEAN, IMAGENET_STD)
    grid = (config.input_size[0] // config.patch, config.input_size[1] // config.patch)
    return convert_vit(weights, grid, config.input_channels, (config.mean, config.std), theirs)
