"""Maps of probabilities and what is measured on them, in PyTorch. p: (n, k, *size), k >= 2, sums to 1 along k."""

from __future__ import annotations

import math

import torch


def class_logits(logits: torch.Tensor) -> torch.Tensor:
    """Return one map per class, (n, k, *size): a single map z, which passes a sigmoid, is (0, z) of a softmax."""
    return torch.cat([torch.zeros_like(logits), logits], dim=1) if logits.shape[1] == 1 else logits


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Return the probability of each class, (n, k, *size)."""
    return torch.softmax(class_logits(logits), dim=1)


def hard_labels(p: torch.Tensor) -> torch.Tensor:
    """Return the likeliest class of each pixel, (n, *size)."""
    return p.argmax(dim=1)


def squared_difference(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Average the squared difference over pixels and classes."""
    return ((p - q) ** 2).mean()


def entropy_map(p: torch.Tensor) -> torch.Tensor:
    """Return the entropy of each pixel as a share of the largest, (n, *size); p is kept from 0 and 1."""
    p = p * 0.999 + 5e-4
    return -(p * torch.log(p)).sum(dim=1) / math.log(p.shape[1])


def entropy(p: torch.Tensor) -> torch.Tensor:
    """Average the entropy over the pixels."""
    return entropy_map(p).mean()


def sure_pixels(p: torch.Tensor, limit: float) -> torch.Tensor:
    """Mark the pixels whose entropy is below a share of the largest, 0 or 1, (n, 1, *size)."""
    found = -(p * torch.log(p + 1e-6)).sum(dim=1, keepdim=True) / math.log(p.shape[1])
    return (found < limit).to(p.dtype)


def masked_difference(p: torch.Tensor, q: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average half the squared difference of all classes over the marked pixels; mask: (n, 1, *size)."""
    return (mask * (p - q) ** 2).sum() / (2 * mask.sum() + 1e-16)


def agreement(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the share of the pixels with equal labels."""
    return (first == second).to(torch.float32).mean()
