"""The loss of TS-CAM in MindSpore: cross-entropy."""

from __future__ import annotations

from mindspore import Tensor

from zoo.common.classification.losses_mindspore import cross_entropy

from .config import Config


def losses(outputs: dict[str, Tensor], targets: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Compare logits (n, classes) with label (n,)."""
    loss = cross_entropy(outputs["logits"], targets["label"], config.class_weights, config.label_smoothing)
    return {"cross_entropy": loss}
