"""The terms of entropy minimisation in MindSpore."""

from __future__ import annotations

from zoo.common.methods.maps_mindspore import entropy, probabilities
from zoo.common.methods.run_mindspore import Run, Tensors

from .method import EntropyMinimisation


def terms(run: Run, guidance: Tensors, method: EntropyMinimisation) -> Tensors:
    """Add the entropy of the whole batch to the entry's own terms."""
    outputs = run.outputs(run.nets[0])
    run.told["ramp"] = method.ramp(run.moment)
    doubt = entropy(probabilities(outputs["logits"]))
    return {**run.supervised(outputs), "entropy": method.weight_at(run.moment) * doubt}
