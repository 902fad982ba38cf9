"""The loss of LungNodules-Detection in PyTorch."""

from __future__ import annotations

import torch

from .config import Config

BETA = 0.1  # below it, smooth L1 is quadratic
Tensors = dict[str, torch.Tensor]


def losses(outputs: Tensors, targets: Tensors, config: Config) -> Tensors:
    """Return the weighted terms; their sum is the loss.

    outputs: hm (n, classes, h, w), reg and wh (n, 2, h, w). targets: see targets.encode, with a batch axis.
    """
    mask = targets["mask"][:, None]
    if config.sizes == "log":
        reg, wh = (masked_smooth_l1(outputs[name], targets[name], mask) for name in ("reg", "wh"))
    else:
        reg, wh = (masked_l1(outputs[name], targets[name], mask) for name in ("reg", "wh"))
        wh = 0.1 * wh
    return {"hm": focal_loss(outputs["hm"], targets["hm"], targets["weight"][:, None]), "reg": reg, "wh": wh}


def focal_loss(logits: torch.Tensor, heat_map: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Penalise the heat map (n, classes, h, w), less so near a peak (Zhou et al. 2019, eq. 1), where weight is 1."""
    p = torch.clamp(torch.sigmoid(logits), 1e-4, 1 - 1e-4)
    is_peak = (heat_map == 1).to(p.dtype)
    found = (torch.log(p) * (1 - p) ** 2 * is_peak).sum()
    empty = (torch.log(1 - p) * p**2 * (1 - heat_map) ** 4 * (1 - is_peak) * weight).sum()
    return -(found + empty) / torch.clamp(is_peak.sum(), min=1)


def masked_l1(values: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average |values - truth| (n, 2, h, w) over the cells of the mask (n, 1, h, w) and both channels."""
    return (torch.abs(values - truth) * mask).sum() / (2 * mask.sum() + 1e-4)


def masked_smooth_l1(values: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average the smooth L1 distance (Girshick 2015, eq. 3) over the cells of the mask and both channels."""
    error = torch.abs(values - truth)
    cost = torch.where(error < BETA, error**2 / (2 * BETA), error - BETA / 2)
    return (cost * mask).sum() / (2 * mask.sum() + 1e-4)
