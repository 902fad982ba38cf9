"""Losses of maps of objects in PyTorch: cross-entropy with a weight per pixel, Dice of every class."""

from __future__ import annotations

import torch

SMOOTH = 1.0  # in numerator and denominator, so that a class that is absent and not predicted costs nothing


def weighted_cross_entropy(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Average over all pixels the cross-entropy of logits (n, k, h, w) times weights (n, h, w); labels: (n, h, w)."""
    return -((torch.log_softmax(logits, dim=1) * hot(labels, logits)).sum(dim=1) * weights).mean()


def ternary_dice(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum 1 - Dice over the classes, the background too; Dice is the mean over the pictures."""
    found = dice(torch.softmax(logits, dim=1), hot(labels, logits), torch.ones_like(logits[:, 0]))
    return (1 - found.mean(dim=0)).sum()


def dice(p: torch.Tensor, t: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the Dice coefficient of each picture and class, (n, k), of maps (n, k, h, w); weights: (n, h, w)."""
    w = weights.unsqueeze(1)
    shared, areas = (p * t * w).sum(dim=(2, 3)), ((p + t) * w).sum(dim=(2, 3))
    return (2 * shared + SMOOTH) / (areas + SMOOTH)


def hot(labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Mark the class of each pixel: (n, k, h, w), 1 there, else 0."""
    return torch.stack([(labels == c).to(logits.dtype) for c in range(logits.shape[1])], dim=1)
