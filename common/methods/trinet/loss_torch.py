"""The terms of TriNet in PyTorch."""

from __future__ import annotations

from zoo.common.labels import UNKNOWN
from zoo.common.methods.maps_torch import class_logits
from zoo.common.methods.run_torch import Run, Tensors
from zoo.common.methods.selection import believed
from zoo.common.segmentation.losses_torch import pixel_cross_entropy

from .method import TriNet

NAMES = ("cross_entropy", "second_cross_entropy", "third_cross_entropy")


def terms(run: Run, guidance: Tensors, method: TriNet) -> Tensors:
    """Let each network learn from what both others believe."""
    mask = run.targets["mask"]
    costs = [pixel_cross_entropy(class_logits(run.outputs(net)["logits"]), mask) for net in run.nets]
    labels = run.numbers(mask)
    chosen = believed([run.numbers(cost) for cost in costs], labels, method.kept(run.moment), run.told)
    shared = [run.array(chosen[(i + 1) % 3] * chosen[(i + 2) % 3]) for i in range(3)]
    run.told["kept_share"] = float((chosen[0] * chosen[1]).sum() / max(1, (labels != UNKNOWN).sum()))
    return {
        name: (both * cost).sum() / both.sum().clip(1.0) / 3
        for name, both, cost in zip(NAMES, shared, costs, strict=True)
    }
