"""Vision transformers start from files that timm wrote and a hub serves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.errors import HeadReinitialisedWarning, WeightsError
from zoo.common.networks.imagenet import IMAGENET_MEAN, IMAGENET_STD
from zoo.common.weights import read_weights

from ..oracles import open_timm
from .loopback_hub import Hub

REPOSITORY, FILE = "timm/deit_tiny_patch16_224.fb_in1k", "model.safetensors"
CASES = [("Covid-Transformer", "vit-tiny"), ("TS-CAM", "deit-tiny")]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DeiT-Ti in the file that timm writes for the hub."""
    timm = open_timm()
    from timm.models import save_for_hf

    folder = tmp_path_factory.mktemp("timm")
    save_for_hf(timm.create_model("deit_tiny_patch16_224"), str(folder), safe_serialization=True)
    return folder / FILE


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_weights_come_from_the_hub_and_only_the_head_starts_anew(
    name: str, variant: str, hub: Hub, published: Path, framework: str
) -> None:
    hub.repositories[REPOSITORY] = {FILE: published.read_bytes()}

    with pytest.warns(HeadReinitialisedWarning, match=r"head\.bias, head\.weight"):
        model = zoo.load(name, backend=framework, init="imagenet", variant=variant)

    stored, _ = read_weights(published)
    loaded = model.engine.weights()
    assert set(stored) == set(loaded)
    for key in stored:
        if not key.startswith("head."):
            np.testing.assert_allclose(loaded[key], stored[key], atol=1e-6, err_msg=key)


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_a_grey_picture_on_another_grid_gives_the_tokens_of_timm(
    name: str, variant: str, hub: Hub, published: Path
) -> None:
    torch = pytest.importorskip("torch")
    hub.repositories[REPOSITORY] = {FILE: published.read_bytes()}
    options = {"input_channels": 1, "mean": (0.4,), "std": (0.3,), "input_size": (64, 96)}
    with pytest.warns(HeadReinitialisedWarning):
        ours = zoo.load(name, backend="torch", init="imagenet", variant=variant, **options).net.eval()
    theirs = open_timm().create_model("deit_tiny_patch16_224", img_size=(64, 96), num_classes=0).eval()
    body = {key: torch.from_numpy(value) for key, value in read_weights(published)[0].items() if "head" not in key}
    grid = body["pos_embed"][:, 1:].reshape(1, 14, 14, -1).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, (4, 6), mode="bicubic", align_corners=False)
    body["pos_embed"] = torch.cat([body["pos_embed"][:, :1], grid.flatten(2).transpose(1, 2)], 1)
    theirs.load_state_dict(body)
    grey = torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))

    with torch.no_grad():
        found, expected = ours.tokens((grey - 0.4) / 0.3)[0], theirs.forward_features((grey - mean) / std)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_a_network_of_another_width_is_refused_by_name(hub: Hub, published: Path) -> None:
    hub.repositories["timm/deit_small_patch16_224.fb_in1k"] = {FILE: published.read_bytes()}

    with pytest.raises(WeightsError, match=r"blocks\.0\.attn\.proj\.bias"):
        zoo.load("TS-CAM", backend="torch", init="imagenet", variant="paper")
