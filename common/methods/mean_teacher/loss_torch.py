"""The terms of the mean teacher in PyTorch."""

from __future__ import annotations

from zoo.common.methods.maps_torch import probabilities, squared_difference
from zoo.common.methods.run_torch import Run, Tensors, tail
from zoo.common.methods.teachers import draw_noise

from .method import MeanTeacher


def guide(run: Run, method: MeanTeacher) -> Tensors:
    """Ask the teacher about the unlabelled images under noise."""
    image = run.image[run.labelled :]
    noise = draw_noise(tuple(image.shape), method.noise, method.noise_limit, run.rng, run.spread)
    return {"teacher": probabilities(run.outputs(run.teacher, {"image": image + run.array(noise)})["logits"])}


def terms(run: Run, guidance: Tensors, method: MeanTeacher) -> Tensors:
    """Compare the network with masks where there are any, and with its teacher where there are none."""
    outputs = run.outputs(run.nets[0])
    found = probabilities(tail(outputs, run.labelled)["logits"])
    run.told["ramp"] = method.ramp(run.moment)
    consistency = squared_difference(found, guidance["teacher"])
    return {**run.supervised(outputs), "consistency": method.weight_at(run.moment) * consistency}
