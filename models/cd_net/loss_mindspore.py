"""The losses of CD-Net in MindSpore: regions and directions weighted towards narrow gaps, and the map of centres."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.instances.losses_mindspore import dice, hot, ternary_dice, weighted_cross_entropy

from .config import DIRECTIONS, Config


def losses(outputs: dict[str, Tensor], targets: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Compare logits of regions and directions, and the map of centres; see Config for their channels.

    targets: ternary and direction (n, h, w) class numbers, weight (n, h, w), point (n, 1, h, w).
    """
    regions, direction, weight = outputs["logits"], outputs["direction"], targets["weight"]
    p, t = ops.softmax(direction, axis=1), hot(targets["direction"], direction)
    fit = direction_fit if config.direction_dice == "plain" else neighbour_fit
    return {
        "mask_entropy": weighted_cross_entropy(regions, targets["ternary"], weight),
        "mask_dice": ternary_dice(regions, targets["ternary"]),
        "direction_entropy": weighted_cross_entropy(direction, targets["direction"], weight),
        "direction_dice": fit(p, t, weight),
        "point": ((outputs["point"] - targets["point"]) ** 2).mean(),
    }


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
