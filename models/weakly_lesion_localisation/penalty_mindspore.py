"""The penalty of the critic's gradient in MindSpore: its value, with the gradient that tangents give it."""

from __future__ import annotations

import mindspore as ms
from mindspore import Tensor, ops

from .critic_mindspore import Critic
from .tangents_mindspore import rise

LEAST = 1e-12  # added under the root


def gradient_penalty(critic: Critic, x: Tensor, lung: Tensor, centre: float) -> Tensor:
    """Average over slices (n, 1, h, w) the squared distance of the gradient's length from `centre`."""
    x = ops.stop_gradient(x)
    slope = ops.stop_gradient(ms.grad(lambda slices: critic(slices, lung).sum())(x))
    squares = ops.square(slope).sum((1, 2, 3))
    value = (squares if not centre else ops.square(ops.sqrt(squares + LEAST) - centre)).mean()
    outward = 1 - centre / ops.sqrt(squares + LEAST) if centre else ops.ones_like(squares)
    direction = ops.stop_gradient((2 / len(x)) * outward.reshape(-1, 1, 1, 1) * slope)
    along = rise(critic, x, lung, direction)
    return ops.stop_gradient(value) + along - ops.stop_gradient(along)
