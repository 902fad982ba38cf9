"""The terms of DMPLS in MindSpore."""

from __future__ import annotations

from zoo.common.methods.decoders_mindspore import answers, averaged
from zoo.common.methods.maps_mindspore import hard_labels, one_hot, probabilities, soft_cross_entropy, soft_dice
from zoo.common.methods.partial_mindspore import marked
from zoo.common.methods.run_mindspore import Run, Tensors, still, total

from .method import DynamicallyMixedLabels


def terms(run: Run, guidance: Tensors, method: DynamicallyMixedLabels) -> Tensors:
    """Compare both decoders with the marked pixels, and with a mixture of both."""
    outputs = answers(run)
    first, second = (probabilities(found["logits"]) for found in outputs)
    share = float(run.rng.random())
    mixed = one_hot(hard_labels(still(share * first + (1 - share) * second)), first)
    compare = soft_dice if method.loss == "dice" else soft_cross_entropy
    run.told["ramp"] = method.ramp(run.moment)
    found = total([compare(first, mixed), compare(second, mixed)]) / 2
    return {**averaged([marked(run, one) for one in outputs]), "mixture": method.weight_at(run.moment) * found}
