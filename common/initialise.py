"""First values of parameters, drawn in NumPy so that both frameworks start from the same numbers."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import numpy as np

Initialiser = Callable[[str, tuple[int, ...], np.random.Generator], np.ndarray]


def initial_weights(shapes: Mapping[str, tuple[int, ...]], draw: Initialiser, seed: int) -> dict[str, np.ndarray]:
    """Draw every parameter from its own stream (seed, name): the order of the network's layers does not matter."""
    weights = {}
    for name, shape in shapes.items():
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        weights[name] = np.ascontiguousarray(draw(name, tuple(shape), rng), dtype=np.float32)
    return weights


def initial_value(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw by the usual rules: norms 1 and 0, biases 0, kernels He-normal over fan-out (He et al. 2015, eq. 14)."""
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "running_var" or (leaf == "weight" and len(shape) == 1):
        return np.ones(shape, np.float32)
    if len(shape) <= 1:
        return np.zeros(shape, np.float32)
    if len(shape) == 2:  # linear layers: PyTorch's default, uniform within 1 / sqrt(fan-in)
        bound = 1 / np.sqrt(shape[1])
        return rng.uniform(-bound, bound, shape)
    fan_out = shape[0] * int(np.prod(shape[2:]))
    return rng.normal(0, np.sqrt(2 / fan_out), shape)
