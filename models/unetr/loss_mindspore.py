"""The loss of UNETR in MindSpore: cross-entropy and soft Dice with squared denominators, the background included."""

from __future__ import annotations

import mindspore as ms
from mindspore import Tensor, ops

from zoo.common.labels import UNKNOWN
from zoo.common.segmentation.losses_mindspore import cross_entropy

from .config import Config

SMOOTH = 1e-6  # of the denominator


def losses(outputs: dict[str, Tensor], targets: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Return the named, weighted terms of the known voxels."""
    logits, mask = outputs["logits"], targets["mask"].astype(ms.int32)
    truth = ops.stack([(mask == index).astype(logits.dtype) for index in range(len(config.classes))], 1)
    found = ops.softmax(logits, 1) * (mask != UNKNOWN).expand_dims(1).astype(logits.dtype)
    axes = (2, 3, 4)
    dice = 2 * (found * truth).sum(axes) / ((found**2 + truth**2).sum(axes) + SMOOTH)
    return {"cross_entropy": cross_entropy(logits, mask), "dice": (1 - dice).mean()}
