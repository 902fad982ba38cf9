"""Cross-entropy and soft Dice of label maps in MindSpore."""

from __future__ import annotations

from mindspore import Tensor, ops

SMOOTH = 1.0  # in numerator and denominator, so that a class that is absent and not predicted costs nothing


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Average over all pixels; a single map (n, 1, *size) passes a sigmoid, several a softmax. labels: (n, *size)."""
    if logits.shape[1] == 1:
        # the gradient of ops.binary_cross_entropy_with_logits goes on dividing by the pixels of its first call
        return (ops.softplus(logits[:, 0]) - logits[:, 0] * labels.astype(logits.dtype)).mean()
    return ops.cross_entropy(logits, labels.int())


def soft_dice(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 - Dice, with sums over the whole batch, averaged over all classes but the background."""
    p = ops.sigmoid(logits) if logits.shape[1] == 1 else ops.softmax(logits, axis=1)[:, 1:]
    losses = [one_soft_dice(p[:, c], (labels == c + 1).astype(p.dtype)) for c in range(p.shape[1])]
    return ops.stack(losses).mean()


def one_soft_dice(p: Tensor, t: Tensor) -> Tensor:
    """Compare probabilities with 0 and 1, both (n, *size)."""
    return 1 - (2 * (p * t).sum() + SMOOTH) / (p.sum() + t.sum() + SMOOTH)
