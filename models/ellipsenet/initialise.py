"""First values of EllipseNet's weights."""

from __future__ import annotations

import numpy as np

from zoo.common.initialise import initial_value

from .config import STRIDE

HEAT_MAP_BIAS = -2.19  # sigmoid 0.1: few centres, so that empty cells do not swamp the first steps (Lin et al. 2017)
DIAGONAL = 0.35  # of the input's height plus width: an ellipse that fills much of the frame


def initialise(name: str, shape: tuple[int, ...], rng: np.random.Generator, input_size: tuple[int, int]) -> np.ndarray:
    """Draw by PyTorch's rule in neck and heads, as published; the backbone He-normal.

    A He-normal 1 x 1 convolution to a single map would start with answers in the tens.
    """
    if name == "heads.hm.2.bias":
        return np.full(shape, HEAT_MAP_BIAS, np.float32)
    if name == "heads.l.2.bias":  # from zero, the lengths alone would take hundreds of steps to grow
        return np.full(shape, DIAGONAL * sum(input_size) / STRIDE, np.float32)
    if "conv_offset_mask" in name:
        return np.zeros(shape, np.float32)
    if ".up." in name:
        return np.broadcast_to(bilinear_kernel(shape[-1]), shape)
    if len(shape) == 4 and not name.startswith("backbone."):
        bound = 1 / np.sqrt(np.prod(shape[1:]))
        return rng.uniform(-bound, bound, shape)
    return initial_value(name, shape, rng)


def bilinear_kernel(side: int) -> np.ndarray:
    """Return the (side, side) kernel of a transposed convolution that enlarges by side / 2 bilinearly."""
    row = 1 - np.abs((np.arange(side) + 0.5) / (side / 2) - 1)
    return np.outer(row, row)
