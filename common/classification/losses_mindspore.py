"""Cross-entropy of classes in MindSpore."""

from __future__ import annotations

from mindspore import Tensor, ops
from mindspore import dtype as mstype


def cross_entropy(logits: Tensor, labels: Tensor, class_weights: tuple[float, ...], smoothing: float) -> Tensor:
    """Compare logits (n, classes) with labels (n,); a weighted mean if the classes are weighted, () if not."""
    weight = Tensor(class_weights, mstype.float32) if class_weights else None
    return ops.cross_entropy(logits, labels.int(), weight, label_smoothing=smoothing)
