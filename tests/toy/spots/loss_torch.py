"""The loss of the toy in PyTorch: both answers by cross-entropy."""

from __future__ import annotations

import torch

from zoo.common.classification.losses_torch import cross_entropy as of_classes
from zoo.common.segmentation.losses_torch import cross_entropy as of_pixels

from .config import Config


def losses(
    outputs: dict[str, torch.Tensor], targets: dict[str, torch.Tensor], config: Config
) -> dict[str, torch.Tensor]:
    """Compare presence (n, classes) with label (n,), place (n, 1, h, w) with mask (n, h, w)."""
    presence = of_classes(outputs["presence"], targets["label"], (), 0.0)
    return {"presence": presence, "place": of_pixels(outputs["place"], targets["mask"])}
