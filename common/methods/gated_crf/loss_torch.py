"""The terms of the gated CRF in PyTorch."""

from __future__ import annotations

from zoo.common.methods.maps_torch import as_slices, probabilities
from zoo.common.methods.partial_torch import marked
from zoo.common.methods.run_torch import Run, Tensors

from .method import GatedCrf
from .pairs_torch import gated_crf


def terms(run: Run, guidance: Tensors, method: GatedCrf) -> Tensors:
    """Add what neighbours differ to the loss of the marked pixels."""
    outputs = run.outputs(run.nets[0])
    run.told["ramp"] = method.ramp(run.moment)
    p, image = as_slices(probabilities(outputs["logits"])), as_slices(run.image)
    found = gated_crf(p, image, method.kernels(run.spread), method.radius)
    return {**marked(run, outputs), "gated_crf": method.weight_at(run.moment) * found}
