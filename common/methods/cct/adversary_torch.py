"""The disturbance of features that changes a decoder's answer most, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import torch

from zoo.common.methods.maps_torch import divergence
from zoo.common.methods.run_torch import still

from .method import PROBE

LEAST = 1e-30  # added to the square of a length that something is divided by


def adversary(
    ask: Callable[[torch.Tensor], torch.Tensor], features: torch.Tensor, start: torch.Tensor, share: float
) -> torch.Tensor:
    """Return what to add to features, `share` of their length in each image, so that the answer moves furthest.

    One step of the power method from a random start (Miyato et al. 2018, algorithm 1).
    ask: from features (n, c, *size) to probabilities (n, k, *size).
    """
    features = still(features)
    length = share * length_of(features)
    with torch.no_grad():
        answer = ask(features)
    probe = (start / length_of(start)).requires_grad_()
    (slope,) = torch.autograd.grad(answer.numel() * divergence(ask(features + PROBE * length * probe), answer), probe)
    return still(length * slope / length_of(slope))


def length_of(x: torch.Tensor) -> torch.Tensor:
    """Return the length of each image's features, (n, 1, ...)."""
    return torch.sqrt((x**2).sum(tuple(range(1, x.ndim)), keepdim=True) + LEAST)
