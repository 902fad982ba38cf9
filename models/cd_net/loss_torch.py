"""The losses of CD-Net in PyTorch: regions and directions weighted towards narrow gaps, and the map of centres."""

from __future__ import annotations

import torch

from .config import DIRECTIONS, REGIONS, Config

SMOOTH = 1.0  # in numerator and denominator, so that a class that is absent and not predicted costs nothing


def losses(
    outputs: dict[str, torch.Tensor], targets: dict[str, torch.Tensor], config: Config
) -> dict[str, torch.Tensor]:
    """Compare logits of regions and directions, and the map of centres; see Config for their channels.

    targets: ternary and direction (n, h, w) class numbers, weight (n, h, w), point (n, 1, h, w).
    """
    weight = targets["weight"]
    region, place = one_hot(targets["ternary"], REGIONS), one_hot(targets["direction"], 1 + DIRECTIONS)
    p, q = torch.softmax(outputs["logits"], dim=1), torch.softmax(outputs["direction"], dim=1)
    fit = direction_fit if config.direction_dice == "plain" else neighbour_fit
    return {
        "mask_entropy": cross_entropy(outputs["logits"], region, weight),
        "mask_dice": (1 - dice(p, region, torch.ones_like(weight)).mean(0)).sum(),
        "direction_entropy": cross_entropy(outputs["direction"], place, weight),
        "direction_dice": fit(q, place, weight),
        "point": ((outputs["point"] - targets["point"]) ** 2).mean(),
    }


def one_hot(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Turn class numbers (n, h, w) into a map of 0 and 1 per class, (n, classes, h, w)."""
    return torch.stack([(labels == k).float() for k in range(classes)], dim=1)


def cross_entropy(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Average the weighted cross-entropy over all pixels; the sum is not divided by that of the weights."""
    return -((torch.log_softmax(logits, dim=1) * target).sum(1) * weight).mean()


def dice(p: torch.Tensor, t: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the Dice coefficient of each sample and class, (n, classes), every pixel weighted."""
    w = weight.unsqueeze(1)
    shared, whole = (p * t * w).sum((2, 3)), ((p + t) * w).sum((2, 3))
    return (2 * shared + SMOOTH) / (whole + SMOOTH)


def direction_fit(p: torch.Tensor, t: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return 1 - Dice, averaged over samples and all classes."""
    return (1 - dice(p, t, weight)).mean()


def neighbour_fit(p: torch.Tensor, t: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Reward overlap with the next direction on either side; the background counts twice (He et al. 2021).

    The reward is so large that a whole object one direction off costs no more than the right one.
    """
    around = t[:, 1:]
    before, after = (torch.cat([around[:, k:], around[:, :k]], dim=1) for k in (DIRECTIONS - 1, 1))
    own = 1 - dice(p, t, weight).mean(0)
    shared = sum(dice(p[:, 1:], other, weight).mean(0).sum() for other in (before, after))
    return (2 * own[0] + own[1:].sum() - shared) / (1 + DIRECTIONS)
