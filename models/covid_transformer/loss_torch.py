"""The loss of Covid-Transformer in PyTorch: cross-entropy."""

from __future__ import annotations

import torch

from zoo.common.classification.losses_torch import cross_entropy

from .config import Config


def losses(
    outputs: dict[str, torch.Tensor], targets: dict[str, torch.Tensor], config: Config
) -> dict[str, torch.Tensor]:
    """Compare logits (n, classes) with label (n,)."""
    loss = cross_entropy(outputs["logits"], targets["label"], config.class_weights, config.label_smoothing)
    return {"cross_entropy": loss}
