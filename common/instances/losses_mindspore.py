"""Losses of maps of objects in MindSpore: cross-entropy with a weight per pixel, Dice of every class."""

from __future__ import annotations

from mindspore import Tensor, ops

SMOOTH = 1.0  # in numerator and denominator, so that a class that is absent and not predicted costs nothing


def weighted_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Average over all pixels the cross-entropy of logits (n, k, h, w) times weights (n, h, w); labels: (n, h, w)."""
    return -((ops.log_softmax(logits, axis=1) * hot(labels, logits)).sum(1) * weights).mean()


def ternary_dice(logits: Tensor, labels: Tensor) -> Tensor:
    """Sum 1 - Dice over the classes, the background too; Dice is the mean over the pictures."""
    found = dice(ops.softmax(logits, axis=1), hot(labels, logits), ops.ones_like(logits[:, 0]))
    return (1 - found.mean(0)).sum()


def dice(p: Tensor, t: Tensor, weights: Tensor) -> Tensor:
    """Return the Dice coefficient of each picture and class, (n, k), of maps (n, k, h, w); weights: (n, h, w)."""
    w = weights.expand_dims(1)
    shared, areas = (p * t * w).sum((2, 3)), ((p + t) * w).sum((2, 3))
    return (2 * shared + SMOOTH) / (areas + SMOOTH)


def hot(labels: Tensor, logits: Tensor) -> Tensor:
    """Mark the class of each pixel: (n, k, h, w), 1 there, else 0."""
    return ops.stack([(labels == c).astype(logits.dtype) for c in range(logits.shape[1])], axis=1)
