"""What methods for scribbles share in PyTorch: the loss of the pixels that somebody marked."""

from __future__ import annotations

from zoo.common.methods.run_torch import Run, Tensors
from zoo.common.segmentation.losses_torch import cross_entropy


def marked(run: Run, outputs: Tensors) -> Tensors:
    """Return the cross-entropy of the marked pixels."""
    return {"cross_entropy": cross_entropy(outputs["logits"], run.targets["mask"])}
