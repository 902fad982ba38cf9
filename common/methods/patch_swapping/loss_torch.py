"""The term of patch swapping in PyTorch."""

from __future__ import annotations

from zoo.common.methods.maps_torch import squared_difference
from zoo.common.methods.run_torch import Run, Tensors

from .method import PatchSwapping


def guide(run: Run, method: PatchSwapping) -> Tensors:
    """Spoil the images."""
    return {"spoilt": run.array(method.spoil(run.numbers(run.image), run.rng))}


def terms(run: Run, guidance: Tensors, method: PatchSwapping) -> Tensors:
    """Compare what the network makes of spoilt images with the images."""
    found = run.outputs(run.nets[0], {"image": guidance["spoilt"]})["logits"]
    channels = min(found.shape[1], run.image.shape[1])
    return {"reconstruction": squared_difference(found[:, :channels], run.image[:, :channels])}
