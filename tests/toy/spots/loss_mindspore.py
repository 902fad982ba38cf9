"""The loss of the toy in MindSpore: both answers by cross-entropy."""

from __future__ import annotations

from mindspore import Tensor

from zoo.common.classification.losses_mindspore import cross_entropy as of_classes
from zoo.common.segmentation.losses_mindspore import cross_entropy as of_pixels

from .config import Config


def losses(outputs: dict[str, Tensor], targets: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Compare presence (n, classes) with label (n,), place (n, 1, h, w) with mask (n, h, w)."""
    presence = of_classes(outputs["presence"], targets["label"], (), 0.0)
    return {"presence": presence, "place": of_pixels(outputs["place"], targets["mask"])}
