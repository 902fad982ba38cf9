"""The terms of the uncertainty-aware mean teacher in PyTorch."""

from __future__ import annotations

from zoo.common.methods.maps_torch import masked_difference, probabilities, sure_pixels
from zoo.common.methods.run_torch import Run, Tensors, tail, value_of
from zoo.common.methods.teachers import draw_noise

from .method import UncertaintyAwareMeanTeacher


def guide(run: Run, method: UncertaintyAwareMeanTeacher) -> Tensors:
    """Ask the teacher about the unlabelled images under noise, once to agree with, often to see where it is sure."""
    image = run.image[run.labelled :]
    answers = []
    for _ in range(1 + method.passes):
        noise = draw_noise(tuple(image.shape), method.noise, method.noise_limit, run.rng, run.spread)
        answers.append(probabilities(run.outputs(run.teacher, {"image": image + run.array(noise)})["logits"]))
    mean = sum(answers[2:], answers[1]) / method.passes
    sure = sure_pixels(mean, method.limit(run.moment))
    run.told["sure_share"] = value_of(sure.mean())
    return {"teacher": answers[0], "sure": sure}


def terms(run: Run, guidance: Tensors, method: UncertaintyAwareMeanTeacher) -> Tensors:
    """Compare the network with masks where there are any, and with its teacher where that is sure."""
    outputs = run.outputs(run.nets[0])
    run.told["ramp"] = method.ramp(run.moment)
    found = probabilities(tail(outputs, run.labelled)["logits"])
    consistency = masked_difference(found, guidance["teacher"], guidance["sure"])
    return {**run.supervised(outputs), "consistency": method.weight_at(run.moment) * consistency}
