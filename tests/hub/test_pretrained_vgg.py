"""U-CSRNet starts from a VGG-16 in a file that timm wrote and a hub serves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.errors import HeadReinitialisedWarning, WeightsError
from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.weights import read_weights
from zoo.models.u_csrnet.config import VARIANTS
from zoo.models.u_csrnet.convert import convert

from ..oracles import open_timm
from .loopback_hub import Hub

REPOSITORY, FILE = "timm/vgg16.tv_in1k", "model.safetensors"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VGG-16 in the file that timm writes for the hub; its classifier, which nobody reads, is kept thin."""
    timm = open_timm()
    from timm.models import save_for_hf

    folder = tmp_path_factory.mktemp("timm")
    save_for_hf(timm.create_model("vgg16", mlp_ratio=0.001, num_classes=2), str(folder), safe_serialization=True)
    return folder / FILE


def test_front_end_comes_from_the_hub_and_the_rest_starts_anew(hub: Hub, published: Path, framework: str) -> None:
    hub.repositories[REPOSITORY] = {FILE: published.read_bytes()}

    with pytest.warns(HeadReinitialisedWarning, match=r"back\.0\.bias"):
        model = zoo.load("U-CSRNet", backend=framework, init="imagenet")

    stored, _ = read_weights(published)
    loaded = model.engine.weights()
    features = [name for name in loaded if name.startswith("features.")]
    assert len(features) == 20
    for name in features:
        np.testing.assert_allclose(loaded[name], stored[name], atol=1e-6, err_msg=name)
    assert loaded["back.0.weight"].std() == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize("channels", [1, 3])
def test_front_end_gives_the_maps_of_timm_for_another_normalisation(published: Path, channels: int) -> None:
    torch = pytest.importorskip("torch")
    from dataclasses import replace

    from zoo.models.u_csrnet.net_torch import Net

    theirs = open_timm().create_model("vgg16", mlp_ratio=0.001, num_classes=2).eval()
    stored, _ = read_weights(published)
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in stored.items()})
    config = replace(VARIANTS["paper"], input_channels=channels, mean=(0.4,), std=(0.3,))
    ours = Net(config).eval()
    front = {name: torch.from_numpy(value) for name, value in convert(stored, config).items()}
    ours.load_state_dict(front, strict=False)
    grey = torch.rand(1, 1, 160, 160, generator=torch.Generator().manual_seed(0)).expand(1, channels, 160, 160)
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))

    with torch.no_grad():
        found = ours.features((grey - 0.4) / 0.3)
        expected = theirs.features[:23]((grey[:, :1].expand(1, 3, 160, 160) - mean) / std)

    inner = (..., slice(9, -9), slice(9, -9))  # zero padding stands for another grey where the normalisation differs
    torch.testing.assert_close(found[inner], expected[inner], atol=1e-4, rtol=1e-3)


def test_weights_that_are_no_vgg_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"features\.0\.weight is missing"):
        convert({"conv1.weight": np.zeros((4, 3, 7, 7))}, VARIANTS["paper"])
