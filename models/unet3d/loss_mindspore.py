"""The loss of the 3D-UNet in MindSpore: cross-entropy and soft Dice of the classes that are there."""

from __future__ import annotations

import mindspore as ms
from mindspore import Tensor, ops

from zoo.common.labels import UNKNOWN
from zoo.common.segmentation.losses_mindspore import cross_entropy

from .config import Config

WEIGHTS = {"logits": 1.0, "extra_1": 0.4, "extra_2": 0.2}  # of the head and of deep supervision
SMOOTH = 1e-5


def losses(outputs: dict[str, Tensor], targets: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Return the named, weighted terms; coarse outputs are scaled up to the labels."""
    mask = targets["mask"].astype(ms.int32)
    ce, dice = [], []
    for name, logits in outputs.items():
        if logits.shape[2:] != mask.shape[1:]:
            logits = ops.interpolate(logits, size=mask.shape[1:], mode="trilinear", align_corners=False)
        ce.append(WEIGHTS[name] * cross_entropy(logits, mask))
        dice.append(WEIGHTS[name] * soft_dice(logits, mask))
    return {"cross_entropy": sum(ce[1:], ce[0]), "dice": sum(dice[1:], dice[0])}


def soft_dice(logits: Tensor, mask: Tensor) -> Tensor:
    """One minus Dice of the known voxels, averaged over the classes, but the background, that occur in the batch."""
    k, known = logits.shape[1], (mask != UNKNOWN).expand_dims(1).astype(logits.dtype)
    truth = ops.stack([(mask == index).astype(logits.dtype) for index in range(1, k)], 1)
    found = ops.softmax(logits, 1)[:, 1:] * known
    axes = (0, 2, 3, 4)
    present = (truth.sum(axes) > 0).astype(logits.dtype)
    dice = (2 * (found * truth).sum(axes) + SMOOTH) / ((found + truth).sum(axes) + SMOOTH)
    return (present * (1 - dice)).sum() / present.sum().clip(1)
