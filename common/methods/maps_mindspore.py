"""Maps of probabilities and what is measured on them, in MindSpore. p: (n, k, *size), k >= 2, sums to 1 along k."""

from __future__ import annotations

import math

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from zoo.common.labels import UNKNOWN


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


def divergence(p: Tensor, q: Tensor) -> Tensor:
    """Average q log(q / p) over pixels and classes, the divergence of p from its target q."""
    return (q * ops.log((q + 1e-20) / (p + 1e-20))).mean()


def symmetric_divergence_map(p: Tensor, q: Tensor) -> Tensor:
    """Return the mean of both divergences of each pixel, (n, *size)."""
    return 0.5 * ((p - q) * (ops.log(p + 1e-20) - ops.log(q + 1e-20))).sum(axis=1)


def sharpened(p: Tensor, temperature: float) -> Tensor:
    """Push each probability away from a half: p^(1/t) / (p^(1/t) + (1 - p)^(1/t))."""
    odds = ops.log(p.clip(min=1e-6)) - ops.log((1 - p).clip(min=1e-6))
    return ops.sigmoid(odds / temperature)  # the same, without powers, which take longest of all


def pyramid_term(scales: list[Tensor]) -> Tensor:
    """Compare the answers of several scales with their mean, less where they differ much (Luo et al. 2021, eq. 4)."""
    mean = sum(scales[1:], scales[0]) / len(scales) * 0.99 + 0.005
    found = []
    for p in scales:
        p = p * 0.99 + 0.005
        apart = (mean * ops.log(mean / p)).sum(axis=1, keepdims=True)
        trust = ops.exp(-apart)
        found.append(((mean - p) ** 2 * trust).mean() / (trust.mean() + 1e-8) + apart.mean())
    return ops.stack(found).mean()


def total_variation(p: Tensor) -> Tensor:
    """Average the contour that opening leaves of each class by itself: relu(dilate(erode(p)) - erode(p)) in 3 px."""
    p = p * 0.999 + 5e-4
    pool = ops.max_pool3d if p.ndim == 5 else ops.max_pool2d
    eroded = -pool(-p, 3, 1, 1)
    return ops.relu(pool(eroded, 3, 1, 1) - eroded).mean()


def mumford_shah(p: Tensor, image: Tensor, smooth: float, squared: bool) -> Tensor:
    """Fit a constant intensity to each class, and keep borders short; per value of p. image: (n, c, *size)."""
    axes = tuple(range(2, p.ndim))
    fitted = []
    for channel in range(image.shape[1]):
        grey = image[:, channel : channel + 1]
        mean = (grey * p).sum(axes, keepdims=True) / (p.sum(axes, keepdims=True) + 1e-6)
        fitted.append(((grey - mean) ** 2 * p).sum())
    lengths = []
    for axis in axes:
        count = p.shape[axis] - 1
        step = ops.narrow(p, axis, 1, count) - ops.narrow(p, axis, 0, count)
        lengths.append((step**2 if squared else ops.abs(step)).sum())
    return (ops.stack(fitted).sum() + smooth * ops.stack(lengths).sum()) / p.size


def class_affinity(p: Tensor, q: Tensor) -> Tensor:
    """Compare the likeness of the class maps of two answers with the identity."""
    k = p.shape[1]
    first, second = (x.swapaxes(0, 1).reshape(k, -1) for x in (p, q))
    first, second = (x / (ops.sqrt((x**2).sum(axis=1, keepdims=True)) + 1e-8) for x in (first, second))
    return ((ops.matmul(first, second.T) - Tensor(np.eye(k, dtype=np.float32))) ** 2).mean()


def as_slices(x: Tensor) -> Tensor:
    """Return volumes (n, c, d, h, w) as pictures (n d, c, h, w); pictures as they are."""
    return x.swapaxes(1, 2).reshape(-1, x.shape[1], *x.shape[3:]) if x.ndim == 5 else x


def turned(x: Tensor, quarters: int) -> Tensor:
    """Turn the last two axes by right angles, as np.rot90 does."""
    if quarters % 4 == 0:
        return x
    if quarters % 4 == 2:
        return ops.flip(x, (-2, -1))
    return ops.flip(x.swapaxes(-2, -1), (-2,)) if quarters % 4 == 1 else ops.flip(x, (-2,)).swapaxes(-2, -1)


def divergence_map(q: Tensor, p: Tensor) -> Tensor:
    """Return sum_c p log(p / q) of each pixel, (n, *size): how far p is from q."""
    return (p * ops.log((p + 1e-8) / (q + 1e-8))).sum(axis=1)


def trust(doubt: Tensor) -> Tensor:
    """Return e^-doubt, a weight that is 1 where there is none."""
    return ops.exp(-doubt)


def one_hot(labels: Tensor, like: Tensor) -> Tensor:
    """Return labels (n, *size) as maps of 0 and 1, in number and type as `like`."""
    return ops.stack([(labels == index).astype(like.dtype) for index in range(like.shape[1])], axis=1)


def soft_cross_entropy(p: Tensor, q: Tensor) -> Tensor:
    """Average -sum_c q log p over the pixels; p is kept from 0."""
    return -(q * ops.log(p * 0.999 + 5e-4)).sum(axis=1).mean()


def soft_dice(p: Tensor, q: Tensor) -> Tensor:
    """Return 1 - Dice of two maps, with sums over the batch, averaged over all classes."""
    axes = (0, *range(2, p.ndim))
    return 1 - ((2 * (p * q).sum(axes) + 1e-5) / ((p + q).sum(axes) + 1e-5)).mean()


def hard_targets(labels: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return labels as maps of 0 and 1 as `like`, and where they are known, (n, *size)."""
    return one_hot(labels, like), (labels != UNKNOWN).astype(like.dtype)


def smoothed_cross_entropy(p: Tensor, targets: Tensor, doubted: Tensor, smoothing: float) -> Tensor:
    """Return the cross-entropy of each pixel, (n, *size), with targets pulled towards a half where they are doubted."""
    softer = (targets - 0.5) * (0.5 - smoothing) / 0.5 + 0.5
    mark = doubted.expand_dims(1).astype(p.dtype)
    return -((mark * softer + (1 - mark) * targets) * ops.log(p * 0.999 + 5e-4)).sum(axis=1)


def sharpened_classes(p: Tensor, temperature: float) -> Tensor:
    """Push the classes of each pixel apart: p^(1/t), brought to a sum of 1."""
    power = p ** (1 / temperature)
    return power / (power.sum(axis=1, keepdims=True) + 1e-8)


def rows_of(features: Tensor, places: Tensor) -> Tensor:
    """Return features (n, c, *size) at flattened places (m,), of length 1, (m, c)."""
    order = (0, *range(2, features.ndim), 1)
    found = ops.gather(features.transpose(order).reshape(-1, features.shape[1]), places, 0)
    return found / ops.sqrt((found**2).sum(axis=1, keepdims=True) + 1e-8)


def contrast(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Average how little each row is nearest to its partner (van den Oord et al. 2018, InfoNCE), both ways."""
    alike = ops.matmul(first, second.T) / temperature
    own = (first * second).sum(axis=1) / temperature
    ways = [ops.logsumexp(alike, 0), ops.logsumexp(alike, 1)]
    return (0.5 * (ways[0] + ways[1]) - own).mean()
