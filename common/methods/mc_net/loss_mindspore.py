"""The terms of MC-Net in MindSpore."""

from __future__ import annotations

from zoo.common.methods.decoders_mindspore import answers, averaged
from zoo.common.methods.maps_mindspore import probabilities, sharpened, squared_difference
from zoo.common.methods.run_mindspore import Run, Tensors, total

from .method import MutualConsistency


def terms(run: Run, guidance: Tensors, method: MutualConsistency) -> Tensors:
    """Compare every decoder with masks where there are any, and with the sharpened others everywhere."""
    outputs = answers(run)
    maps = [probabilities(found["logits"]) for found in outputs]
    sharp = [sharpened(p, method.temperature) for p in maps]
    pairs = [(i, j) for i in range(len(maps)) for j in range(len(maps)) if i != j]
    run.told["ramp"] = method.ramp(run.moment)
    found = total([squared_difference(maps[i], sharp[j]) for i, j in pairs])
    supervised = averaged([run.supervised(found) for found in outputs])
    return {**supervised, "consistency": method.weight_at(run.moment) * found}
