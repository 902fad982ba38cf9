"""The terms of the gated CRF in PyTorch."""

from __future__ import annotations

from zoo.common.methods.maps_torch import as_slices, gated_crf, neighbour_weights, probabilities
from zoo.common.methods.partial_torch import marked
from zoo.common.methods.run_torch import Run, Tensors

from .method import GatedCrf


def guide(run: Run, method: GatedCrf) -> Tensors:
    """Weigh the neighbours of each pixel by the image alone."""
    return {"weights": neighbour_weights(as_slices(run.image), method.kernels(run.spread), method.radius)}


def terms(run: Run, guidance: Tensors, method: GatedCrf) -> Tensors:
    """Add what neighbours differ to the loss of the marked pixels."""
    outputs = run.outputs(run.nets[0])
    run.told["ramp"] = method.ramp(run.moment)
    found = gated_crf(as_slices(probabilities(outputs["logits"])), guidance["weights"], method.radius)
    return {**marked(run, outputs), "gated_crf": method.weight_at(run.moment) * found}
