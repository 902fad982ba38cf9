"""Publishing through the real hub client, and fetching what was published."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from zoo.common.errors import CheckpointError
from zoo.weights.places import locate
from zoo.weights.publish import hub_card, publish

from . import loopback_hub as faults
from .loopback_hub import Hub
from .shipped import Shipped

TARGET = "me/published"


@pytest.fixture
def checkout(hub: Hub, shipped: Shipped, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with registry.yaml and checkpoints/; the client uses plain HTTP, which the loopback hub speaks."""
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    folder = shipped.registry.parent / "checkpoints" / "ellipsenet"
    folder.mkdir(parents=True)
    (folder / "small.safetensors").write_bytes(shipped.content)
    (folder / "small.log.jsonl").write_text('{"epoch": 1}\n')
    return shipped.registry.parent


def test_what_is_published_can_be_fetched(
    hub: Hub, shipped: Shipped, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = publish(TARGET, root=checkout)
    monkeypatch.setenv("ZOO_HUB", TARGET)

    assert published.files == ("ellipsenet/small.safetensors", "ellipsenet/small.log.jsonl")
    assert locate(shipped.entry).read_bytes() == shipped.content
    assert hub.repositories[TARGET]["ellipsenet/small.log.jsonl"] == b'{"epoch": 1}\n'


def test_publishing_twice_changes_nothing(hub: Hub, checkout: Path) -> None:
    publish(TARGET, root=checkout)
    before = dict(hub.repositories[TARGET])
    publish(TARGET, root=checkout)

    assert hub.repositories[TARGET] == before


def test_the_card_has_front_matter_and_a_row_per_checkpoint(hub: Hub, shipped: Shipped, checkout: Path) -> None:
    publish(TARGET, root=checkout)
    _, front, body = hub.repositories[TARGET]["README.md"].decode().split("---\n", 2)

    assert yaml.safe_load(front)["license"] == "apache-2.0"
    assert "ellipse-detection" in yaml.safe_load(front)["tags"]
    assert shipped.entry.checkpoints["small"].sha256 in body
    assert body.count("| EllipseNet |") == 1


def test_a_damaged_file_is_not_published(hub: Hub, checkout: Path) -> None:
    file = checkout / "checkpoints/ellipsenet/small.safetensors"
    file.write_bytes(file.read_bytes()[::-1])

    with pytest.raises(CheckpointError, match="correct the registry or the file"):
        publish(TARGET, root=checkout)
    assert TARGET not in hub.repositories


@pytest.mark.parametrize("name", ["small.safetensors", "small.log.jsonl"])
def test_a_missing_file_is_said(hub: Hub, checkout: Path, name: str) -> None:
    (checkout / "checkpoints/ellipsenet" / name).unlink()

    with pytest.raises(CheckpointError, match=name):
        publish(TARGET, root=checkout)
    assert TARGET not in hub.repositories


def test_what_does_not_come_back_right_is_said(hub: Hub, checkout: Path) -> None:
    hub.on_get = faults.flip(9)

    with pytest.raises(CheckpointError, match="does not come back right"):
        publish(TARGET, root=checkout)


def test_a_refused_upload_is_said(hub: Hub, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults.Handler, "_commit", lambda self, path, body: faults.Reply(403))

    with pytest.raises(CheckpointError, match="HF_TOKEN"):
        publish(TARGET, root=checkout)


def test_the_card_of_an_empty_registry_is_a_card(shipped: Shipped) -> None:
    assert "import zoo" in hub_card({})
