"""The loss of 2D-UNet in MindSpore: cross-entropy and soft Dice."""

from __future__ import annotations

from mindspore import Tensor

from zoo.common.segmentation.losses_mindspore import cross_entropy, soft_dice

from .config import Config


def losses(outputs: dict[str, Tensor], targets: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Compare logits (n, maps, h, w) with mask (n, h, w)."""
    logits, mask = outputs["logits"], targets["mask"]
    return {"cross_entropy": cross_entropy(logits, mask), "dice": soft_dice(logits, mask)}
