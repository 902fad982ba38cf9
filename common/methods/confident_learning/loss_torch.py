"""The terms of confident learning in PyTorch."""

from __future__ import annotations

from zoo.common.methods.maps_torch import hard_targets, probabilities, smoothed_cross_entropy
from zoo.common.methods.run_torch import Run, Tensors
from zoo.common.methods.selection import suspects

from .method import ConfidentLearning


def guide(run: Run, method: ConfidentLearning) -> Tensors:
    """Ask the judge which labels it doubts."""
    if not method.judges(run.moment):
        return {}
    answer = run.numbers(probabilities(run.outputs(run.teacher)["logits"]))
    found = suspects(answer, run.numbers(run.targets["mask"]), run.memory)["suspected"]
    run.told["doubted_share"] = float(found.mean())
    return {"suspected": run.array(found)}


def terms(run: Run, guidance: Tensors, method: ConfidentLearning) -> Tensors:
    """Take the entry's own loss at first, then the cross-entropy of softened labels."""
    outputs = run.outputs(run.nets[0])
    if not guidance:
        return run.supervised(outputs)
    p = probabilities(outputs["logits"])
    targets, known = hard_targets(run.targets["mask"], p)
    found = smoothed_cross_entropy(p, targets, guidance["suspected"], method.smoothing)
    return {"cross_entropy": (known * found).sum() / known.sum().clip(1.0)}
