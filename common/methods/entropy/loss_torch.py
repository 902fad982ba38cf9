"""The terms of entropy on scribbles in PyTorch."""

from __future__ import annotations

from zoo.common.methods.maps_torch import entropy, probabilities
from zoo.common.methods.partial_torch import marked
from zoo.common.methods.run_torch import Run, Tensors

from .method import Entropy


def terms(run: Run, guidance: Tensors, method: Entropy) -> Tensors:
    """Add the entropy of the whole batch to the loss of the marked pixels."""
    outputs = run.outputs(run.nets[0])
    run.told["ramp"] = method.ramp(run.moment)
    found = entropy(probabilities(outputs["logits"]))
    return {**marked(run, outputs), "entropy": method.weight_at(run.moment) * found}
