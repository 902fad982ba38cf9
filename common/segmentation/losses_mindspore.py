"""Cross-entropy and soft Dice of label maps in MindSpore."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.labels import UNKNOWN

SMOOTH = 1.0  # in numerator and denominator, so that a class that is absent and not predicted costs nothing


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Average over the known pixels; 0 where there is none. labels: (n, *size).

    A single map (n, 1, *size) passes a sigmoid, several a softmax.
    """
    if has_unknown(labels):
        known = (labels != UNKNOWN).astype(logits.dtype)
        return (known * pixel_cross_entropy(logits, labels)).sum() / ops.maximum(known.sum(), Tensor(1.0))
    if logits.shape[1] == 1:
        # the gradient of ops.binary_cross_entropy_with_logits goes on dividing by the pixels of its first call
        return (ops.softplus(logits[:, 0]) - logits[:, 0] * labels.astype(logits.dtype)).mean()
    return ops.cross_entropy(logits, labels.int())


def pixel_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of each pixel, (n, *size); what it is where the label is unknown means nothing."""
    if logits.shape[1] == 1:
        return ops.softplus(logits[:, 0]) - logits[:, 0] * (labels.astype(logits.dtype)).clip(None, 1.0)
    return ops.cross_entropy(logits, labels.int() * (labels != UNKNOWN).int(), reduction="none")


def has_unknown(labels: Tensor) -> bool:
    """Tell whether any pixel of label maps is unknown."""
    return bool((labels.asnumpy() == UNKNOWN).any())


def soft_dice(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 - Dice of the known pixels, with sums over the batch, averaged over all classes but the background."""
    p = ops.sigmoid(logits) if logits.shape[1] == 1 else ops.softmax(logits, axis=1)[:, 1:]
    if has_unknown(labels):
        p = p * (labels != UNKNOWN).expand_dims(1).astype(p.dtype)
    losses = [one_soft_dice(p[:, c], (labels == c + 1).astype(p.dtype)) for c in range(p.shape[1])]
    return ops.stack(losses).mean()


def one_soft_dice(p: Tensor, t: Tensor) -> Tensor:
    """Compare probabilities with 0 and 1, both (n, *size)."""
    return 1 - (2 * (p * t).sum() + SMOOTH) / (p.sum() + t.sum() + SMOOTH)
