"""The loss of UNETR in PyTorch: cross-entropy and soft Dice with squared denominators, the background included."""

from __future__ import annotations

import torch

from zoo.common.labels import UNKNOWN
from zoo.common.segmentation.losses_torch import cross_entropy

from .config import Config

SMOOTH = 1e-6  # of the denominator


def losses(
    outputs: dict[str, torch.Tensor], targets: dict[str, torch.Tensor], config: Config
) -> dict[str, torch.Tensor]:
    """Return the named, weighted terms of the known voxels."""
    logits, mask = outputs["logits"], targets["mask"]
    truth = torch.stack([(mask == index).to(logits.dtype) for index in range(len(config.classes))], 1)
    found = logits.softmax(1) * (mask != UNKNOWN).unsqueeze(1)
    axes = (2, 3, 4)
    dice = 2 * (found * truth).sum(axes) / ((found**2 + truth**2).sum(axes) + SMOOTH)
    return {"cross_entropy": cross_entropy(logits, mask), "dice": (1 - dice).mean()}
