"""Maps of probabilities and what is measured on them, in MindSpore. p: (n, k, *size), k >= 2, sums to 1 along k."""

from __future__ import annotations

import math

import mindspore as ms
from mindspore import Tensor, ops


def class_logits(logits: Tensor) -> Tensor:
    """Return one map per class, (n, k, *size): a single map z, which passes a sigmoid, is (0, z) of a softmax."""
    return ops.cat([ops.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else logits


def probabilities(logits: Tensor) -> Tensor:
    """Return the probability of each class, (n, k, *size)."""
    return ops.softmax(class_logits(logits), axis=1)


def hard_labels(p: Tensor) -> Tensor:
    """Return the likeliest class of each pixel, (n, *size)."""
    return p.argmax(axis=1)


def squared_difference(p: Tensor, q: Tensor) -> Tensor:
    """Average the squared difference over pixels and classes."""
    return ((p - q) ** 2).mean()


def entropy_map(p: Tensor) -> Tensor:
    """Return the entropy of each pixel as a share of the largest, (n, *size); p is kept from 0 and 1."""
    p = p * 0.999 + 5e-4
    return -(p * ops.log(p)).sum(axis=1) / math.log(p.shape[1])


def entropy(p: Tensor) -> Tensor:
    """Average the entropy over the pixels."""
    return entropy_map(p).mean()


def sure_pixels(p: Tensor, limit: float) -> Tensor:
    """Mark the pixels whose entropy is below a share of the largest, 0 or 1, (n, 1, *size)."""
    found = -(p * ops.log(p + 1e-6)).sum(axis=1, keepdims=True) / math.log(p.shape[1])
    return (found < limit).astype(p.dtype)


def masked_difference(p: Tensor, q: Tensor, mask: Tensor) -> Tensor:
    """Average half the squared difference of all classes over the marked pixels; mask: (n, 1, *size)."""
    return (mask * (p - q) ** 2).sum() / (2 * mask.sum() + 1e-16)


def agreement(first: Tensor, second: Tensor) -> Tensor:
    """Return the share of the pixels with equal labels."""
    return (first == second).astype(ms.float32).mean()
