"""Cross-entropy of classes in PyTorch."""

from __future__ import annotations

import torch
from torch.nn import functional


def cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, class_weights: tuple[float, ...], smoothing: float
) -> torch.Tensor:
    """Compare logits (n, classes) with labels (n,); a weighted mean if the classes are weighted, () if not."""
    weight = logits.new_tensor(class_weights) if class_weights else None
    return functional.cross_entropy(logits, labels.long(), weight, label_smoothing=smoothing)
