"""The terms of cross-consistency training in MindSpore."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mindspore import Tensor, nn

from zoo.common.methods.decoders_mindspore import answered, floats
from zoo.common.methods.maps_mindspore import divergence, probabilities, squared_difference
from zoo.common.methods.run_mindspore import Run, Tensors, still, tail, total

from .adversary_mindspore import adversary
from .method import CrossConsistency


def terms(run: Run, guidance: Tensors, method: CrossConsistency) -> Tensors:
    """Compare the network with masks where there are any, and decoders on disturbed features with it."""
    net, *decoders = run.nets
    features, outputs = run.apart(lambda image: answered(net, image))
    outputs = floats(outputs)
    answer = still(probabilities(tail(outputs, run.labelled)["logits"]))
    *skips, deepest = [level[run.labelled :] for level in features]
    distance = squared_difference if method.distance == "squared" else divergence
    asks = [partial(asked, decoder, skips) for decoder in decoders]
    factors = method.disturbances(run.numbers(deepest), run.rng)
    disturbed = [deepest * run.array(factor) for factor in factors]
    start = run.array(method.start(deepest.shape, run.rng))
    disturbed.append(deepest + adversary(asks[-1], deepest, start, method.adversarial))
    found = [distance(ask(features), answer) for ask, features in zip(asks, disturbed, strict=True)]
    run.told["ramp"] = method.ramp(run.moment)
    consistency = total(found) / len(found)
    return {**run.supervised(outputs), "consistency": method.weight_at(run.moment) * consistency}


def asked(decoder: nn.Cell, skips: Sequence[Tensor], deepest: Tensor) -> Tensor:
    """Return the probabilities that a decoder finds in features."""
    return probabilities(floats(decoder([*skips, deepest]))["logits"])
