"""The loss of Han-Net in PyTorch: cross-entropy weighted between nuclei, and Dice of all three maps."""

from __future__ import annotations

import torch

from zoo.common.instances.losses_torch import ternary_dice, weighted_cross_entropy

from .config import Config


def losses(
    outputs: dict[str, torch.Tensor], targets: dict[str, torch.Tensor], config: Config
) -> dict[str, torch.Tensor]:
    """Compare logits (n, 3, h, w) with ternary (n, h, w), weighted by weight (n, h, w)."""
    logits, ternary = outputs["logits"], targets["ternary"]
    return {
        "cross_entropy": weighted_cross_entropy(logits, ternary, targets["weight"]),
        "dice": ternary_dice(logits, ternary),
    }
