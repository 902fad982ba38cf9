"""ImageNet weights of timm's VGG-16 with norms as a start for CD-Net's encoder."""

from __future__ import annotations

import numpy as np

from zoo.common.errors import WeightsError
from zoo.common.networks.imagenet import fit_input
from zoo.common.types import Arrays

from .config import Config

# by variant: repository and file on the hub, as timm publishes them
IMAGENET: dict[str, tuple[str, str]] = {"paper": ("timm/vgg16_bn.tv_in1k", "model.safetensors")}
ANEW = ("decoder.", "mask_features.", "direction_features.", "point_features.")  # beside the head
FEATURES, STEM, BIAS = "features.", "features.0.weight", "features.0.bias"
NORMALISATION = ((0.0,), (1.0,))  # the network sees intensities scaled to 0..1


def convert(weights: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Fit the thirteen convolutions of a VGG-16 with norms to the input of `config`; leave its classifier out.

    weights: under timm's names, for RGB pictures that were normalised by ImageNet's mean and deviation.
    """
    if STEM not in weights or np.ndim(weights[STEM]) != 4 or np.shape(weights[STEM])[1] != 3:
        raise WeightsError(f"{STEM} is missing or not (channels, 3, 3, 3); expected the weights of a VGG-16 of timm")
    body = {
        f"encoder.{name}": np.asarray(value, np.float32)
        for name, value in weights.items()
        if name.startswith(FEATURES) and not name.endswith("num_batches_tracked")
    }
    stem, bias = f"encoder.{STEM}", f"encoder.{BIAS}"
    body[stem], constant = fit_input(body[stem], config.input_channels, NORMALISATION)
    body[bias] = (body[bias] + constant).astype(np.float32)
    return body
