"""The terms of cross-consistency training in MindSpore."""

from __future__ import annotations

from zoo.common.methods.decoders_mindspore import answered, floats
from zoo.common.methods.maps_mindspore import divergence, probabilities, squared_difference
from zoo.common.methods.run_mindspore import Run, Tensors, still, tail, total

from .method import CrossConsistency


def terms(run: Run, guidance: Tensors, method: CrossConsistency) -> Tensors:
    """Compare the network with masks where there are any, and decoders on disturbed features with it."""
    net, *decoders = run.nets
    features, outputs = run.apart(lambda image: answered(net, image))
    outputs = floats(outputs)
    answer = still(probabilities(tail(outputs, run.labelled)["logits"]))
    *skips, deepest = [level[run.labelled :] for level in features]
    distance = squared_difference if method.distance == "squared" else divergence
    factors = method.disturbances(run.numbers(deepest), run.rng)
    found = [
        distance(probabilities(floats(decoder([*skips, deepest * run.array(factor)]))["logits"]), answer)
        for decoder, factor in zip(decoders, factors, strict=True)
    ]
    run.told["ramp"] = method.ramp(run.moment)
    consistency = total(found) / len(found)
    return {**run.supervised(outputs), "consistency": method.weight_at(run.moment) * consistency}
