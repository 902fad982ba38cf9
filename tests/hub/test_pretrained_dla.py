"""LungNodules-Detection and EllipseNet start from a DLA-34 in a file that timm wrote and a hub serves."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.errors import HeadReinitialisedWarning, WeightsError
from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.weights import read_weights
from zoo.models.lungnodules_detection.config import VARIANTS
from zoo.models.lungnodules_detection.convert import convert

from ..oracles import open_timm
from .conftest import Hub

REPOSITORY, FILE = "timm/dla34.in1k", "model.safetensors"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DLA-34 in the file that timm writes for the hub, its running statistics not those of a fresh network."""
    timm = open_timm()
    import torch
    from timm.models import save_for_hf

    torch.manual_seed(0)
    model = timm.create_model("dla34").train()
    with torch.no_grad():
        model(torch.rand(2, 3, 64, 64))
    folder = tmp_path_factory.mktemp("timm")
    save_for_hf(model, str(folder), safe_serialization=True)
    return folder / FILE


@pytest.mark.parametrize(("name", "prefix"), [("LungNodules-Detection", "body.backbone."), ("EllipseNet", "backbone.")])
def test_backbone_comes_from_the_hub_and_the_rest_starts_anew(
    hub: Hub, published: Path, framework: str, name: str, prefix: str
) -> None:
    hub.repositories[REPOSITORY] = {FILE: published.read_bytes()}

    with pytest.warns(HeadReinitialisedWarning, match=r"heads\.hm\.2\.bias"):
        model = zoo.load(name, backend=framework, init="imagenet")

    stored, _ = read_weights(published)
    loaded = model.engine.weights()
    body = [n.removeprefix(prefix) for n in loaded if n.startswith(prefix) and n.removeprefix(prefix) in stored]
    assert len(body) == len([n for n in stored if not n.startswith("fc.") and "num_batches" not in n])
    for n in body:
        if not n.startswith("base_layer."):  # which another normalisation changes
            np.testing.assert_array_equal(loaded[prefix + n], stored[n], err_msg=n)


@pytest.mark.parametrize("channels", [1, 3])
def test_backbone_gives_the_maps_of_timm_for_another_normalisation(published: Path, channels: int) -> None:
    torch = pytest.importorskip("torch")
    theirs = open_timm().create_model("dla34", features_only=True, out_indices=(2, 3, 4, 5)).eval()
    stored, _ = read_weights(published)
    theirs.load_state_dict({n: torch.from_numpy(v) for n, v in stored.items()}, strict=False)
    config = replace(VARIANTS["paper"], input_channels=channels, mean=(0.4,), std=(0.3,))
    ours = import_module("zoo.models.lungnodules_detection.net_torch").Net(config).eval()
    ours.load_state_dict({n: torch.from_numpy(v) for n, v in convert(stored, config).items()}, strict=False)
    grey = torch.rand(1, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))

    with torch.no_grad():
        found = ours.body.backbone((grey.expand(1, channels, 256, 256) - 0.4) / 0.3)
        expected = theirs((grey.expand(1, 3, 256, 256) - mean) / std)

    inner = (
        ...,
        slice(20, -20),
        slice(20, -20),
    )  # zero padding stands for another grey where the normalisation differs
    torch.testing.assert_close(found[0][inner], expected[0][inner], atol=1e-4, rtol=1e-3)


def test_weights_that_are_no_dla_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"base_layer\.0\.weight is missing"):
        convert({"conv1.weight": np.zeros((4, 3, 7, 7))}, VARIANTS["paper"])
