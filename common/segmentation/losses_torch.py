"""Cross-entropy and soft Dice of label maps in PyTorch."""

from __future__ import annotations

import torch
from torch.nn import functional

SMOOTH = 1.0  # in numerator and denominator, so that a class that is absent and not predicted costs nothing


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Average over all pixels; a single map (n, 1, *size) passes a sigmoid, several a softmax. labels: (n, *size)."""
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], labels.to(logits.dtype))
    return functional.cross_entropy(logits, labels.long())


def soft_dice(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return 1 - Dice, with sums over the whole batch, averaged over all classes but the background."""
    p = torch.sigmoid(logits) if logits.shape[1] == 1 else torch.softmax(logits, dim=1)[:, 1:]
    losses = [one_soft_dice(p[:, c], (labels == c + 1).to(p.dtype)) for c in range(p.shape[1])]
    return torch.stack(losses).mean()


def one_soft_dice(p: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Compare probabilities with 0 and 1, both (n, *size)."""
    return 1 - (2 * (p * t).sum() + SMOOTH) / (p.sum() + t.sum() + SMOOTH)
