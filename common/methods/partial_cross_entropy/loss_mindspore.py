"""The term of partial cross-entropy in MindSpore."""

from __future__ import annotations

from zoo.common.methods.run_mindspore import Run, Tensors
from zoo.common.segmentation.losses_mindspore import cross_entropy

from .method import PartialCrossEntropy


def terms(run: Run, guidance: Tensors, method: PartialCrossEntropy) -> Tensors:
    """Return the cross-entropy of the marked pixels."""
    return {"cross_entropy": cross_entropy(run.outputs(run.nets[0])["logits"], run.targets["mask"])}
