"""The terms of cross pseudo supervision in PyTorch."""

from __future__ import annotations

from zoo.common.methods.maps_torch import agreement, hard_labels, probabilities
from zoo.common.methods.run_torch import Run, Tensors, tail, total, value_of

from .method import CrossPseudoSupervision


def terms(run: Run, guidance: Tensors, method: CrossPseudoSupervision) -> Tensors:
    """Compare both networks with masks where there are any, and with each other where there are none."""
    both = [run.outputs(net) for net in run.nets]
    supervised = [run.supervised(outputs) for outputs in both]
    unlabelled = [tail(outputs, run.labelled) for outputs in both]
    answers = [hard_labels(probabilities(outputs["logits"])) for outputs in unlabelled]
    run.told["ramp"] = method.ramp(run.moment)
    run.told["agreement"] = value_of(agreement(*answers))
    crossed = [
        total(list(run.losses(outputs, {"mask": run.like_mask(answer)}).values()))
        for outputs, answer in zip(unlabelled, reversed(answers), strict=True)
    ]
    second = {f"second_{name}": value for name, value in supervised[1].items()}
    return {**supervised[0], **second, "cross_supervision": method.weight_at(run.moment) * total(crossed)}
