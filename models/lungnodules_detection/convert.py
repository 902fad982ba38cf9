"""ImageNet weights of timm's DLA-34 as a start for LungNodules-Detection."""

from __future__ import annotations

import numpy as np

from zoo.common.networks.dla34_weights import SOURCE, convert_dla34
from zoo.common.types import Arrays

from .config import Config

IMAGENET: dict[str, tuple[str, str]] = {"paper": SOURCE}  # by variant
ANEW = ("body.dla_up.", "body.ida_up.", "heads.")  # DLA-34 has nothing like them


def convert(weights: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Return the backbone, fitted to the input of `config`."""
    return convert_dla34(weights, "body.backbone.", config.input_channels, (config.mean, config.std))
