"""The loss of 2D-UNet in PyTorch: cross-entropy and soft Dice."""

from __future__ import annotations

import torch

from zoo.common.segmentation.losses_torch import cross_entropy, soft_dice

from .config import Config


def losses(
    outputs: dict[str, torch.Tensor], targets: dict[str, torch.Tensor], config: Config
) -> dict[str, torch.Tensor]:
    """Compare logits (n, maps, h, w) with mask (n, h, w)."""
    logits, mask = outputs["logits"], targets["mask"]
    return {"cross_entropy": cross_entropy(logits, mask), "dice": soft_dice(logits, mask)}
