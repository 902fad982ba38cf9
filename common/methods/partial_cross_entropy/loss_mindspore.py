"""The term of partial cross-entropy in MindSpore."""

from __future__ import annotations

from zoo.common.methods.partial_mindspore import marked
from zoo.common.methods.run_mindspore import Run, Tensors

from .method import PartialCrossEntropy


def terms(run: Run, guidance: Tensors, method: PartialCrossEntropy) -> Tensors:
    """Return the cross-entropy of the marked pixels."""
    return marked(run, run.outputs(run.nets[0]))
