"""The term of volume fusion in PyTorch."""

from __future__ import annotations

from zoo.common.methods.maps_torch import class_logits
from zoo.common.methods.run_torch import Run, Tensors
from zoo.common.methods.spoiling import fused
from zoo.common.segmentation.losses_torch import cross_entropy, soft_dice

from .method import VolumeFusion


def terms(run: Run, guidance: Tensors, method: VolumeFusion) -> Tensors:
    """Compare the answer for mixtures with what was mixed."""
    mixed, share = fused(run.numbers(run.image), run.rng, method.levels, method.blocks)
    logits = class_logits(run.outputs(run.nets[0], {"image": run.array(mixed)})["logits"])
    labels = run.array(share)
    return {"cross_entropy": cross_entropy(logits, labels), "dice": soft_dice(logits, labels)}
