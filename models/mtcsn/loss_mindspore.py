"""The loss of MTCSN in MindSpore: cross-entropy of the frame; cross-entropy and Dice of the pixels."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.classification.losses_mindspore import cross_entropy

from .config import Config

SMOOTH = 1.0  # in numerator and denominator of Dice


def losses(outputs: dict[str, Tensor], targets: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Compare logits (n, classes) with label (n,), and segmentation (n, tissues, h, w) with mask (n, h, w).

    A pixel whose mask names no tissue, such as 255, is not judged.
    """
    frame = cross_entropy(outputs["logits"], targets["label"], config.class_weights, 0.0)
    logits, mask = outputs["segmentation"], targets["mask"]
    true = ops.stack([(mask == c).astype(logits.dtype) for c in range(logits.shape[1])], 1)
    return {
        "cross_entropy": frame,
        "mask_cross_entropy": config.mask_weight * pixel_entropy(logits, true),
        "mask_dice": config.mask_weight * dice_of_present(logits, true),
    }


def pixel_entropy(logits: Tensor, true: Tensor) -> Tensor:
    """Average the cross-entropy over the pixels that have a tissue; true: 0 or 1, (n, tissues, h, w)."""
    return -(true * ops.log_softmax(logits, axis=1)).sum() / ops.clamp(true.sum(), 1.0)


def dice_of_present(logits: Tensor, true: Tensor) -> Tensor:
    """Average 1 - Dice, with sums over the whole batch, over the tissues that are there."""
    p = ops.softmax(logits, axis=1) * true.sum(1, keepdims=True)
    both, total, there = (p * true).sum((0, 2, 3)), p.sum((0, 2, 3)), true.sum((0, 2, 3))
    present = (there > 0).astype(p.dtype)
    loss = 1 - (2 * both + SMOOTH) / (total + there + SMOOTH)
    return (present * loss).sum() / ops.clamp(present.sum(), 1.0)
