"""Weights that others publish: no sum is registered, so the hub's own and the content are checked."""

from __future__ import annotations

import pytest

from zoo.common.errors import CheckpointError, NotCachedError, ZooWarning
from zoo.weights.places import pretrained_file

from . import loopback_hub as faults
from .loopback_hub import Hub
from .shipped import REPOSITORY, Shipped

FILE = "ellipsenet/small.safetensors"


def test_it_is_fetched_once_and_then_needs_no_hub(hub: Hub, shipped: Shipped, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pretrained_file(REPOSITORY, FILE)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert pretrained_file(REPOSITORY, FILE) == path
    assert path.read_bytes() == shipped.content
    assert hub.count("GET") == 1


def test_a_flipped_byte_is_refused_by_the_sum_of_the_hub(hub: Hub, shipped: Shipped) -> None:
    hub.on_get = faults.flip(3000)

    with pytest.raises(CheckpointError, match="found"):
        pretrained_file(REPOSITORY, FILE)


def without_sum(reply: faults.Reply, _: int) -> faults.Reply:
    """Give the 40 digits that git gives small files."""
    return faults.replace(reply, headers={**reply.headers, "ETag": '"' + "a" * 40 + '"', "X-Linked-Etag": ""})


def test_without_a_sum_the_length_and_the_content_are_checked(hub: Hub, shipped: Shipped) -> None:
    hub.on_head = without_sum
    hub.on_get = faults.wrong_length(5000)
    with pytest.raises(CheckpointError):
        pretrained_file(REPOSITORY, FILE)
    hub.reset()
    hub.on_head = without_sum
    hub.repositories[REPOSITORY][FILE] = b"\x80\x04 a pickle, say" * 100
    with pytest.raises(CheckpointError, match="header"):
        pretrained_file(REPOSITORY, FILE)
    hub.repositories[REPOSITORY][FILE] = shipped.content

    assert pretrained_file(REPOSITORY, FILE).read_bytes() == shipped.content


def test_rot_is_found_and_healed(hub: Hub, shipped: Shipped) -> None:
    path = pretrained_file(REPOSITORY, FILE)
    path.write_bytes(b"?" + shipped.content[1:])

    with pytest.warns(ZooWarning, match="changed on the disk"):
        assert pretrained_file(REPOSITORY, FILE).read_bytes() == shipped.content


def test_offline_without_it_is_said(hub: Hub, shipped: Shipped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with pytest.raises(NotCachedError, match="HF_HUB_OFFLINE"):
        pretrained_file(REPOSITORY, FILE)


@pytest.mark.parametrize("repository", ["no/such", "somebody/../etc", "not a name"])
def test_a_wrong_repository_is_said(hub: Hub, shipped: Shipped, repository: str) -> None:
    with pytest.raises(CheckpointError):
        pretrained_file(repository, FILE)
