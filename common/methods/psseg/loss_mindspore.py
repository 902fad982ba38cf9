"""The terms of PSSEG in MindSpore."""

from __future__ import annotations

from zoo.common.methods.decoders_mindspore import answers, averaged, mean_of
from zoo.common.methods.maps_mindspore import class_affinity, divergence_map, entropy_map, probabilities, trust
from zoo.common.methods.partial_mindspore import marked
from zoo.common.methods.run_mindspore import Run, Tensors, total, value_of

from .method import PseudoLabelEnsemble


def terms(run: Run, guidance: Tensors, method: PseudoLabelEnsemble) -> Tensors:
    """Compare all decoders with the marked pixels, with their mean, and with each other."""
    outputs = answers(run)
    maps = [probabilities(found["logits"]) for found in outputs]
    mean = mean_of(maps)
    weights = trust(entropy_map(mean))
    apart = total([(weights * divergence_map(mean, p)).mean() for p in maps])
    pairs = [(i, j) for i in range(len(maps)) for j in range(i)]
    alike = total([class_affinity(maps[i], maps[j]) for i, j in pairs]) / len(pairs)
    ramp = method.ramp(run.moment)
    run.told["ramp"], run.told["trust"] = ramp, value_of(weights.mean())
    supervised = averaged([marked(run, one) for one in outputs])
    return {**supervised, "ensemble": method.weight * ramp * apart, "affinity": method.affinity * ramp * alike}
