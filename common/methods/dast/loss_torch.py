"""The terms of DAST in PyTorch."""

from __future__ import annotations

from zoo.common.methods.decoders_torch import answers
from zoo.common.methods.maps_torch import (
    class_logits,
    hard_labels,
    hard_targets,
    one_hot,
    probabilities,
    sharpened_classes,
    symmetric_divergence_map,
    trust,
)
from zoo.common.methods.run_torch import Run, Tensors, head, still, tail, value_of
from zoo.common.segmentation.losses_torch import pixel_cross_entropy

from .method import Dast


def terms(run: Run, guidance: Tensors, method: Dast) -> Tensors:
    """Let each decoder learn from its masks, and bring them together as the wrong masks look."""
    first, second = answers(run)
    sound = run.losses(head(first, run.labelled), head(run.targets, run.labelled))
    wrong = run.losses(tail(second, run.labelled), tail(run.targets, run.labelled))
    mask = run.targets["mask"][run.labelled :]
    logits = [class_logits(one["logits"][run.labelled :]) for one in (first, second)]
    p, q = (probabilities(z) for z in logits)
    apart = symmetric_divergence_map(p, q)
    weights = still(trust(method.steep * apart))
    clean, noisy = (value_of((weights * pixel_cross_entropy(z, mask)).mean()) for z in logits)
    looks_wrong, looks_sound = method.judge(clean, noisy, run.memory)
    run.told["ramp"], run.told["looks_wrong"] = method.ramp(run.moment), float(looks_wrong)
    run.told["looks_sound"] = float(looks_sound)
    weight = method.weight_at(run.moment)
    votes = (one_hot(hard_labels(p), p) + one_hot(hard_labels(q), p) + hard_targets(mask, p)[0]) / 3
    distance = (p - still(sharpened_classes(votes, 0.5))).abs().mean()
    return {
        **{name: value / 2 for name, value in sound.items()},
        **{f"noisy_{name}": value / 2 for name, value in wrong.items()},
        "divergence": (weight if looks_wrong else 0.0) * apart.mean(),
        "votes": (weight if looks_sound else 0.0) * distance,
    }
