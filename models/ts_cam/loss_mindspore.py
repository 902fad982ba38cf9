"""The loss of TS-CAM in MindSpore: cross-entropy."""

from __future__ import annotations

from mindspore import Tensor, ops
from mindspore import dtype as mstype

from .config import Config


def losses(outputs: dict[str, Tensor], targets: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Compare logits (n, classes) with label (n,); a weighted mean if the classes are weighted."""
    logits = outputs["logits"]
    weight = Tensor(config.class_weights, mstype.float32) if config.class_weights else None
    smoothing = config.label_smoothing
    loss = ops.cross_entropy(logits, targets["label"].int(), weight, label_smoothing=smoothing)
    return {"cross_entropy": loss}
