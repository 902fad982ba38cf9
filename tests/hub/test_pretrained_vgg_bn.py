"""CD-Net starts from a VGG-16 with norms in a file that timm wrote and a hub serves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.errors import HeadReinitialisedWarning, WeightsError
from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.weights import read_weights
from zoo.models.cd_net.config import VARIANTS
from zoo.models.cd_net.convert import convert

from ..oracles import open_timm
from .loopback_hub import Hub

REPOSITORY, FILE = "timm/vgg16_bn.tv_in1k", "model.safetensors"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VGG-16 with norms in the file that timm writes for the hub; its classifier, which nobody reads, is thin."""
    timm = open_timm()
    from timm.models import save_for_hf

    folder = tmp_path_factory.mktemp("timm")
    save_for_hf(timm.create_model("vgg16_bn", mlp_ratio=0.001, num_classes=2), str(folder), safe_serialization=True)
    return folder / FILE


def test_encoder_comes_from_the_hub_and_the_rest_starts_anew(hub: Hub, published: Path, framework: str) -> None:
    hub.repositories[REPOSITORY] = {FILE: published.read_bytes()}

    with pytest.warns(HeadReinitialisedWarning, match=r"decoder\.0\.conv\.weight"):
        model = zoo.load("CD-Net", backend=framework, init="imagenet")

    stored, _ = read_weights(published)
    loaded = model.engine.weights()
    encoder = [name for name in loaded if name.startswith("encoder.")]
    assert len(encoder) == 13 * 6
    changed = ("encoder.features.0.weight", "encoder.features.0.bias")  # they take another normalisation
    for name in set(encoder) - set(changed):
        np.testing.assert_array_equal(loaded[name], stored[name.removeprefix("encoder.")], err_msg=name)
    assert loaded["mask.weight"].std() == pytest.approx(0.01, rel=0.3)


@pytest.mark.parametrize("channels", [1, 3])
def test_encoder_gives_the_maps_of_timm_for_intensities_as_they_are(published: Path, channels: int) -> None:
    torch = pytest.importorskip("torch")
    from zoo.models.cd_net.net_torch import Net

    theirs = open_timm().create_model("vgg16_bn", mlp_ratio=0.001, num_classes=2).eval()
    stored, _ = read_weights(published)
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in stored.items()}, strict=False)
    config = replace(VARIANTS["paper"], input_channels=channels)
    ours = Net(config).eval()
    ours.load_state_dict({k: torch.from_numpy(v) for k, v in convert(stored, config).items()}, strict=False)
    grey = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))

    with torch.no_grad():
        found = ours.encoder(grey.expand(1, channels, 64, 64))
        expected = [theirs.features[: end + 1]((grey.expand(1, 3, 64, 64) - mean) / std) for end in ours.encoder.ends]

    for ours_at, theirs_at in zip(found[:2], expected[:2], strict=True):
        inner = (..., slice(8, -8), slice(8, -8))  # zero padding stands for black here, for a mean grey there
        torch.testing.assert_close(ours_at[inner], theirs_at[inner], atol=1e-4, rtol=1e-3)
    assert [tuple(value.shape) for value in found] == [tuple(value.shape) for value in expected]


def test_weights_that_are_no_vgg_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"features\.0\.weight is missing"):
        convert({"conv1.weight": np.zeros((4, 3, 7, 7))}, VARIANTS["paper"])
