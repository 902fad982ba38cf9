"""DETR starts from files that transformers wrote and a hub serves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.errors import HeadReinitialisedWarning, WeightsError
from zoo.common.weights import read_weights

from ..oracles import open_transformers
from .loopback_hub import Hub

REPOSITORY, FILE = "facebook/detr-resnet-50", "model.safetensors"
NAME = "Covid-Detection-Transformer"
SHALLOW = {"encoder_layers": 1, "decoder_layers": 1, "feedforward": 32, "queries": 5, "queries_whole": 5}


@pytest.fixture(scope="module", params=["timm", "own body"])
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DETR for the 91 classes of COCO, less deep than the published one, in the file that transformers writes."""
    transformers = open_transformers()
    body = None if request.param == "timm" else transformers.ResNetConfig(out_features=["stage4"])
    config = transformers.DetrConfig(
        num_labels=91,
        num_queries=5,
        encoder_layers=1,
        decoder_layers=1,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        use_timm_backbone=body is None,
        backbone_config=body,
    )
    folder = tmp_path_factory.mktemp("transformers")
    transformers.DetrForObjectDetection(config).save_pretrained(folder)
    return folder / FILE


def test_weights_come_from_the_hub_and_only_the_classes_start_anew(hub: Hub, published: Path, framework: str) -> None:
    hub.repositories[REPOSITORY] = {FILE: published.read_bytes()}

    with pytest.warns(HeadReinitialisedWarning, match=r"2 weights.*detr\.labels\.bias, detr\.labels\.weight"):
        model = zoo.load(NAME, backend=framework, init="coco", **SHALLOW)

    stored, _ = read_weights(published)
    loaded = model.engine.weights()
    assert len(stored) == len(loaded)
    np.testing.assert_array_equal(loaded["detr.queries"], stored["model.query_position_embeddings.weight"])
    assert {v.tobytes() for k, v in stored.items() if "class_labels" not in k} <= {v.tobytes() for v in loaded.values()}


def test_a_grey_picture_of_another_scale_looks_the_same_to_the_first_layer(hub: Hub, published: Path) -> None:
    torch = pytest.importorskip("torch")
    hub.repositories[REPOSITORY] = {FILE: published.read_bytes()}
    body = open_transformers().DetrForObjectDetection.from_pretrained(published.parent).model.backbone.model
    stem = [body.conv1, body.bn1] if hasattr(body, "conv1") else list(body.embedder.embedder.children())[:2]
    with pytest.warns(HeadReinitialisedWarning):
        options = {"input_channels": 1, "mean": (0.4,), "std": (0.3,)}
        ours = zoo.load(NAME, backend="torch", init="coco", **options, **SHALLOW).net.detr.backbone
    grey = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    with torch.no_grad():
        expected = stem[1](stem[0]((grey - mean) / std))
        found = ours.bn1(ours.conv1((grey - 0.4) / 0.3))

    inside = np.s_[..., 2:-2, 2:-2]  # the padding is black there, and our mean here
    torch.testing.assert_close(found[inside], expected[inside], atol=1e-5, rtol=1e-5)


def test_other_files_are_refused_by_name(hub: Hub, published: Path) -> None:
    hub.repositories[REPOSITORY] = {FILE: published.read_bytes()}

    with pytest.raises(WeightsError, match=r"detr\.queries"):
        zoo.load(NAME, backend="torch", init="coco", **(SHALLOW | {"queries": 7}))
