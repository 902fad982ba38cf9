"""First values of the weights."""

from __future__ import annotations

import numpy as np

from zoo.common.initialise import initial_value

HEAD_SPREAD, HEAD_BIAS = 0.01, -2.0  # of the share that is taken away: an eighth at first
CRITIC_SPREAD = 0.02  # of the published critic


def first_value(name: str, shape: tuple[int, ...], rng: np.random.Generator, is_published: bool) -> np.ndarray:
    """Draw as published, or He-normal over fan-in and a head that begins by taking little away."""
    if name == "generator.share_head.bias":
        return np.full(shape, HEAD_BIAS, np.float32)
    if len(shape) != 4 and not (is_published and len(shape) == 2):
        return initial_value(name, shape, rng)
    if is_published and name.startswith("critic."):
        return rng.normal(0, CRITIC_SPREAD, shape)
    fan_in = int(np.prod(shape[1:]))
    if is_published:
        return rng.uniform(-1, 1, shape) / np.sqrt(fan_in)
    return rng.normal(0, HEAD_SPREAD if name == "generator.share_head.weight" else np.sqrt(2 / fan_in), shape)
