"""The term of partial cross-entropy in PyTorch."""

from __future__ import annotations

from zoo.common.methods.partial_torch import marked
from zoo.common.methods.run_torch import Run, Tensors

from .method import PartialCrossEntropy


def terms(run: Run, guidance: Tensors, method: PartialCrossEntropy) -> Tensors:
    """Return the cross-entropy of the marked pixels."""
    return marked(run, run.outputs(run.nets[0]))
