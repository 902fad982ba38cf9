"""The terms of URPC in PyTorch."""

from __future__ import annotations

from zoo.common.methods.decoders_torch import floats
from zoo.common.methods.maps_torch import probabilities, pyramid_term
from zoo.common.methods.run_torch import Run, Tensors

from .method import PyramidConsistency


def terms(run: Run, guidance: Tensors, method: PyramidConsistency) -> Tensors:
    """Compare every scale with masks where there are any, and with the mean of the scales where there are none."""
    net, scales = run.nets
    maps = run.apart(lambda image: net.decode(net.encode(image)))
    outputs = [floats(net.answer(maps)), *(floats({"logits": logits}) for logits in scales(maps))]
    weights = [2.0**-level for level in range(len(outputs))]
    supervised = [run.supervised(found) for found in outputs]
    shared = {
        name: sum(weight * terms[name] for weight, terms in zip(weights[1:], supervised[1:], strict=True))
        for name in supervised[0]
    }
    run.told["ramp"] = method.ramp(run.moment)
    found = pyramid_term([probabilities(one["logits"][run.labelled :]) for one in outputs])
    deep = {name: (value + shared[name]) / sum(weights) for name, value in supervised[0].items()}
    return {**deep, "consistency": method.weight_at(run.moment) * found}
