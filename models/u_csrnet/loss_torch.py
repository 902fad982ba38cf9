"""The loss of U-CSRNet in PyTorch: maps of probability against maps of bells."""

from __future__ import annotations

import math

import torch

from .config import Config

CORNER = 0.5  # squared distance from the centre of a pixel to its corner [px^2]
LEAST = 1e-6  # probability that a logarithm sees


def losses(
    outputs: dict[str, torch.Tensor], targets: dict[str, torch.Tensor], config: Config
) -> dict[str, torch.Tensor]:
    """Compare logits with heat in [0, 1], both (n, classes, h, w)."""
    p, heat = torch.sigmoid(outputs["logits"]), targets["heat"]
    if config.loss == "focal":
        return {"focal": focal(p, heat, config.sigma_px)}
    weight = 1 + (config.cell_weight if config.loss == "wmse" else 0.0) * heat
    return {config.loss: (weight * (p - heat) * (p - heat)).sum() / weight.sum()}


def focal(p: torch.Tensor, heat: torch.Tensor, sigma_px: float) -> torch.Tensor:
    """Sum the penalty-reduced focal loss (Zhou et al. 2019, eq. 1) over all pixels, per pixel with a cell's centre."""
    centre = (heat >= math.exp(-CORNER / (2 * sigma_px**2)) - LEAST).to(p.dtype)
    p = torch.clamp(p, LEAST, 1 - LEAST)
    found = centre * (1 - p) ** 2 * torch.log(p)
    clean = (1 - centre) * (1 - heat) ** 4 * p**2 * torch.log(1 - p)
    return -(found + clean).sum() / torch.clamp(centre.sum(), min=1.0)
