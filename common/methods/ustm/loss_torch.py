"""The terms of USTM in PyTorch."""

from __future__ import annotations

from zoo.common.methods.maps_torch import masked_difference, probabilities, sure_pixels, turned
from zoo.common.methods.partial_torch import marked
from zoo.common.methods.run_torch import Run, Tensors, value_of
from zoo.common.methods.teachers import draw_noise, draw_turn

from .method import Ustm


def guide(run: Run, method: Ustm) -> Tensors:
    """Ask the teacher about the turned images under noise, once to agree with, often to see where it is sure."""
    quarters = draw_turn(tuple(run.image.shape), run.rng)
    image, answers = turned(run.image, quarters), []
    for _ in range(1 + method.passes):
        noise = draw_noise(tuple(image.shape), method.noise, method.noise_limit, run.rng, run.spread)
        found = run.outputs(run.teacher, {"image": image + run.array(noise)})["logits"]
        answers.append(turned(probabilities(found), -quarters))
    sure = sure_pixels(sum(answers[2:], answers[1]) / method.passes, method.limit(run.moment))
    run.told["sure_share"] = value_of(sure.mean())
    noise = draw_noise(tuple(run.image.shape), method.noise, method.noise_limit, run.rng, run.spread)
    return {"teacher": answers[0], "sure": sure, "noisy": run.image + run.array(noise)}


def terms(run: Run, guidance: Tensors, method: Ustm) -> Tensors:
    """Compare the network, under noise of its own, with the marked pixels and with its teacher."""
    outputs = run.outputs(run.nets[0], {"image": guidance["noisy"]})
    run.told["ramp"] = method.ramp(run.moment)
    found = probabilities(outputs["logits"])
    consistency = masked_difference(found, guidance["teacher"], guidance["sure"])
    return {**marked(run, outputs), "consistency": method.weight_at(run.moment) * consistency}
