"""The terms of co-teaching in MindSpore."""

from __future__ import annotations

from zoo.common.methods.maps_mindspore import class_logits
from zoo.common.methods.run_mindspore import Run, Tensors
from zoo.common.methods.selection import believed
from zoo.common.segmentation.losses_mindspore import pixel_cross_entropy

from .method import CoTeaching


def terms(run: Run, guidance: Tensors, method: CoTeaching) -> Tensors:
    """Let each network learn from what costs the other one least."""
    mask = run.targets["mask"]
    costs = [pixel_cross_entropy(class_logits(run.outputs(net)["logits"]), mask) for net in run.nets]
    chosen = believed([run.numbers(cost) for cost in costs], run.numbers(mask), method.kept(run.moment), run.told)
    run.told["kept_share"] = method.kept(run.moment)
    run.told["agreement"] = float((chosen[0] * chosen[1]).sum() / max(1.0, chosen[0].sum()))
    first, second = (run.array(choice) for choice in reversed(chosen))  # each network gets the other one's choice
    return {
        "cross_entropy": (first * costs[0]).sum() / first.sum().clip(1.0),
        "second_cross_entropy": (second * costs[1]).sum() / second.sum().clip(1.0),
    }
