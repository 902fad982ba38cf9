"""The loss of the 3D-UNet in PyTorch: cross-entropy and soft Dice of the classes that are there."""

from __future__ import annotations

import torch
from torch.nn import functional

from zoo.common.labels import UNKNOWN
from zoo.common.segmentation.losses_torch import cross_entropy

from .config import Config

WEIGHTS = {"logits": 1.0, "extra_1": 0.4, "extra_2": 0.2}  # of the head and of deep supervision
SMOOTH = 1e-5


def losses(
    outputs: dict[str, torch.Tensor], targets: dict[str, torch.Tensor], config: Config
) -> dict[str, torch.Tensor]:
    """Return the named, weighted terms; coarse outputs are scaled up to the labels."""
    mask = targets["mask"]
    ce, dice = [], []
    for name, logits in outputs.items():
        if logits.shape[2:] != mask.shape[1:]:
            logits = functional.interpolate(logits, size=mask.shape[1:], mode="trilinear", align_corners=False)
        ce.append(WEIGHTS[name] * cross_entropy(logits, mask))
        dice.append(WEIGHTS[name] * soft_dice(logits, mask))
    return {"cross_entropy": sum(ce[1:], ce[0]), "dice": sum(dice[1:], dice[0])}


def soft_dice(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """One minus Dice of the known voxels, averaged over the classes, but the background, that occur in the batch."""
    k, known = logits.shape[1], mask != UNKNOWN
    truth = (functional.one_hot(mask * known, k).movedim(-1, 1)[:, 1:] * known.unsqueeze(1)).to(logits.dtype)
    found = logits.softmax(1)[:, 1:] * known.unsqueeze(1)
    axes = (0, 2, 3, 4)
    present = (truth.sum(axes) > 0).to(logits.dtype)
    dice = (2 * (found * truth).sum(axes) + SMOOTH) / ((found + truth).sum(axes) + SMOOTH)
    return (present * (1 - dice)).sum() / present.sum().clamp(min=1)
