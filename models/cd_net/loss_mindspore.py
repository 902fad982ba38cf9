"""The losses of CD-Net in MindSpore: regions and directions weighted towards narrow gaps, and the map of centres."""

from __future__ import annotations

import mindspore as ms
from mindspore import Tensor, ops

from .config import DIRECTIONS, REGIONS, Config

SMOOTH = 1.0  # in numerator and denominator, so that a class that is absent and not predicted costs nothing


def losses(outputs: dict[str, Tensor], targets: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Compare logits of regions and directions, and the map of centres; see Config for their channels.

    targets: ternary and direction (n, h, w) class numbers, weight (n, h, w), point (n, 1, h, w).
    """
    weight = targets["weight"]
    region, place = one_hot(targets["ternary"], REGIONS), one_hot(targets["direction"], 1 + DIRECTIONS)
    p, q = ops.softmax(outputs["logits"], axis=1), ops.softmax(outputs["direction"], axis=1)
    fit = direction_fit if config.direction_dice == "plain" else neighbour_fit
    return {
        "mask_entropy": cross_entropy(outputs["logits"], region, weight),
        "mask_dice": (1 - dice(p, region, ops.ones_like(weight)).mean(0)).sum(),
        "direction_entropy": cross_entropy(outputs["direction"], place, weight),
        "direction_dice": fit(q, place, weight),
        "point": ((outputs["point"] - targets["point"]) ** 2).mean(),
    }


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Turn class numbers (n, h, w) into a map of 0 and 1 per class, (n, classes, h, w)."""
    return ops.stack([(labels == k).astype(ms.float32) for k in range(classes)], axis=1)


def cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Average the weighted cross-entropy over all pixels; the sum is not divided by that of the weights."""
    return -((ops.log_softmax(logits, axis=1) * target).sum(1) * weight).mean()


def dice(p: Tensor, t: Tensor, weight: Tensor) -> Tensor:
    """Return the Dice coefficient of each sample and class, (n, classes), every pixel weighted."""
    w = weight.expand_dims(1)
    shared, whole = (p * t * w).sum((2, 3)), ((p + t) * w).sum((2, 3))
    return (2 * shared + SMOOTH) / (whole + SMOOTH)


def direction_fit(p: Tensor, t: Tensor, weight: Tensor) -> Tensor:
    """Return 1 - Dice, averaged over samples and all classes."""
    return (1 - dice(p, t, weight)).mean()


def neighbour_fit(p: Tensor, t: Tensor, weight: Tensor) -> Tensor:
    """Reward overlap with the next direction on either side; the background counts twice (He et al. 2021).

    The reward is so large that a whole object one direction off costs no more than the right one.
    """
    around = t[:, 1:]
    before, after = (ops.cat([around[:, k:], around[:, :k]], axis=1) for k in (DIRECTIONS - 1, 1))
    own = 1 - dice(p, t, weight).mean(0)
    shared = sum(dice(p[:, 1:], other, weight).mean(0).sum() for other in (before, after))
    return (2 * own[0] + own[1:].sum() - shared) / (1 + DIRECTIONS)
