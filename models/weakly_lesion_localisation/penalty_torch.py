"""The penalty of the critic's gradient in PyTorch, by differentiating the gradient once more."""

from __future__ import annotations

import torch

from .critic_torch import Critic

LEAST = 1e-12  # added under the root


def gradient_penalty(critic: Critic, x: torch.Tensor, lung: torch.Tensor, centre: float) -> torch.Tensor:
    """Average over slices (n, 1, h, w) the squared distance of the gradient's length from `centre`."""
    x = x.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(x, lung).sum(), x, create_graph=True)
    squares = slope.flatten(1).square().sum(1)
    return (squares if not centre else (torch.sqrt(squares + LEAST) - centre).square()).mean()
