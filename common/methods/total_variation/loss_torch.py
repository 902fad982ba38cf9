"""The terms of total variation in PyTorch."""

from __future__ import annotations

from zoo.common.methods.maps_torch import probabilities, total_variation
from zoo.common.methods.partial_torch import marked
from zoo.common.methods.run_torch import Run, Tensors

from .method import TotalVariation


def terms(run: Run, guidance: Tensors, method: TotalVariation) -> Tensors:
    """Add the length of the borders to the loss of the marked pixels."""
    outputs = run.outputs(run.nets[0])
    run.told["ramp"] = method.ramp(run.moment)
    found = total_variation(probabilities(outputs["logits"]))
    return {**marked(run, outputs), "total_variation": method.weight_at(run.moment) * found}
