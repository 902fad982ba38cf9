"""The loss of TS-CAM in PyTorch: cross-entropy."""

from __future__ import annotations

import torch
from torch.nn import functional

from .config import Config


def losses(
    outputs: dict[str, torch.Tensor], targets: dict[str, torch.Tensor], config: Config
) -> dict[str, torch.Tensor]:
    """Compare logits (n, classes) with label (n,); a weighted mean if the classes are weighted."""
    logits = outputs["logits"]
    weight = logits.new_tensor(config.class_weights) if config.class_weights else None
    smoothing = config.label_smoothing
    loss = functional.cross_entropy(logits, targets["label"].long(), weight, label_smoothing=smoothing)
    return {"cross_entropy": loss}
