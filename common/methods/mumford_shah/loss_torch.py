"""The terms of the Mumford-Shah functional in PyTorch."""

from __future__ import annotations

from zoo.common.methods.maps_torch import mumford_shah, probabilities
from zoo.common.methods.partial_torch import marked
from zoo.common.methods.run_torch import Run, Tensors

from .method import MumfordShah


def terms(run: Run, guidance: Tensors, method: MumfordShah) -> Tensors:
    """Add the functional to the loss of the marked pixels."""
    outputs = run.outputs(run.nets[0])
    run.told["ramp"] = method.ramp(run.moment)
    found = mumford_shah(probabilities(outputs["logits"]), run.image, method.smooth, method.squared)
    return {**marked(run, outputs), "mumford_shah": method.weight_at(run.moment) * found}
