"""Cross-entropy and soft Dice of label maps in PyTorch."""

from __future__ import annotations

import torch
from torch.nn import functional

from zoo.common.labels import UNKNOWN

SMOOTH = 1.0  # in numerator and denominator, so that a class that is absent and not predicted costs nothing


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Average over the known pixels; 0 where there is none. labels: (n, *size).

    A single map (n, 1, *size) passes a sigmoid, several a softmax.
    """
    if has_unknown(labels):
        known = (labels != UNKNOWN).to(logits.dtype)
        return (known * pixel_cross_entropy(logits, labels)).sum() / known.sum().clamp(min=1)
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], labels.to(logits.dtype))
    return functional.cross_entropy(logits, labels.long())


def pixel_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of each pixel, (n, *size); what it is where the label is unknown means nothing."""
    if logits.shape[1] == 1:
        return functional.softplus(logits[:, 0]) - logits[:, 0] * labels.to(logits.dtype).clamp(max=1)
    return functional.cross_entropy(logits, labels.long() * (labels != UNKNOWN), reduction="none")


def has_unknown(labels: torch.Tensor) -> bool:
    """Tell whether any pixel of label maps is unknown."""
    return bool((labels == UNKNOWN).any())


def soft_dice(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return 1 - Dice of the known pixels, with sums over the batch, averaged over all classes but the background."""
    p = torch.sigmoid(logits) if logits.shape[1] == 1 else torch.softmax(logits, dim=1)[:, 1:]
    if has_unknown(labels):
        p = p * (labels != UNKNOWN).unsqueeze(1).to(p.dtype)
    losses = [one_soft_dice(p[:, c], (labels == c + 1).to(p.dtype)) for c in range(p.shape[1])]
    return torch.stack(losses).mean()


def one_soft_dice(p: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Compare probabilities with 0 and 1, both (n, *size)."""
    return 1 - (2 * (p * t).sum() + SMOOTH) / (p.sum() + t.sum() + SMOOTH)
