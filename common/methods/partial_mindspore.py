"""What methods for scribbles share in MindSpore: the loss of the pixels that somebody marked."""

from __future__ import annotations

from zoo.common.methods.run_mindspore import Run, Tensors
from zoo.common.segmentation.losses_mindspore import cross_entropy


def marked(run: Run, outputs: Tensors) -> Tensors:
    """Return the cross-entropy of the marked pixels."""
    return {"cross_entropy": cross_entropy(outputs["logits"], run.targets["mask"])}
