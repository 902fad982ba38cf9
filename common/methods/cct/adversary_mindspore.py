"""The disturbance of features that changes a decoder's answer most, in MindSpore."""

from __future__ import annotations

from collections.abc import Callable

import mindspore as ms
from mindspore import Tensor, ops

from zoo.common.methods.maps_mindspore import divergence
from zoo.common.methods.run_mindspore import still

from .method import PROBE

LEAST = 1e-30  # added to the square of a length that something is divided by


def adversary(ask: Callable[[Tensor], Tensor], features: Tensor, start: Tensor, share: float) -> Tensor:
    """Return what to add to features, `share` of their length in each image, so that the answer moves furthest.

    One step of the power method from a random start (Miyato et al. 2018, algorithm 1).
    ask: from features (n, c, *size) to probabilities (n, k, *size).
    """
    features = still(features)
    length = share * length_of(features)
    answer = still(ask(features))
    probe = start / length_of(start)
    slope = still(ms.grad(lambda x: answer.size * divergence(ask(features + PROBE * length * x), answer))(probe))
    return length * slope / length_of(slope)


def length_of(x: Tensor) -> Tensor:
    """Return the length of each image's features, (n, 1, ...)."""
    return ops.sqrt((x**2).sum(tuple(range(1, x.ndim)), keepdims=True) + LEAST)
