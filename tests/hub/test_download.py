"""Downloads through the real hub client: what is served wrong is never used."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from zoo.common.errors import CheckpointError
from zoo.weights.places import locate

from . import loopback_hub as faults
from .loopback_hub import Hub
from .shipped import REPOSITORY, Shipped

FLIPS = 100
CODES = (401, 404, 500, 503)


def test_a_sound_file_is_fetched_once(hub: Hub, shipped: Shipped) -> None:
    first, second = locate(shipped.entry), locate(shipped.entry, "small")

    assert first == second == shipped.final
    assert first.read_bytes() == shipped.content
    assert hub.count("GET") == 1
    assert not shipped.leftovers()


@pytest.mark.slow
def test_every_flipped_byte_is_refused(hub: Hub, shipped: Shipped) -> None:
    rng = random.Random(0)
    refused = 0
    for offset in rng.choices(range(len(shipped.content)), k=FLIPS):
        hub.on_get = faults.flip(offset, rng.randrange(8))
        with pytest.raises(CheckpointError):
            locate(shipped.entry)
        refused += not shipped.final.exists() and not shipped.leftovers()

    assert refused == FLIPS


def test_a_flipped_byte_is_recovered_at_the_second_try(hub: Hub, shipped: Shipped) -> None:
    hub.on_get = faults.only_first(faults.flip(1000))

    assert locate(shipped.entry).read_bytes() == shipped.content
    assert hub.count("GET") == 2


def test_the_error_is_short_and_names_everything(hub: Hub, shipped: Shipped) -> None:
    hub.on_get = faults.flip(1000)

    with pytest.raises(CheckpointError) as caught:
        locate(shipped.entry)
    message = str(caught.value)
    checkpoint = shipped.entry.checkpoints["small"]

    assert len(message.splitlines()) <= 12
    for part in (checkpoint.file, checkpoint.sha256, "try 3: found", hub.address, str(shipped.final), "by hand"):
        assert part in message


@pytest.mark.parametrize("part", [0.0, 1, 0.5, -1])
@pytest.mark.usefixtures("impatient")
def test_a_cut_body_is_refused(hub: Hub, shipped: Shipped, part: float) -> None:
    size = len(shipped.content)
    hub.on_get = faults.cut({0.0: 0, 1: 1, 0.5: size // 2, -1: size - 1}[part])

    with pytest.raises(CheckpointError):
        locate(shipped.entry)

    assert not shipped.final.exists()
    assert not shipped.leftovers()


@pytest.mark.parametrize("part", [0.0, 1, 0.5, -1])
@pytest.mark.usefixtures("impatient")
def test_a_body_cut_once_is_recovered(hub: Hub, shipped: Shipped, part: float) -> None:
    size = len(shipped.content)
    hub.on_get = faults.only_first(faults.cut({0.0: 0, 1: 1, 0.5: size // 2, -1: size - 1}[part]))

    assert locate(shipped.entry).read_bytes() == shipped.content


@pytest.mark.parametrize("when", ["on_head", "on_get"])
@pytest.mark.parametrize("fault", [faults.html(), *map(faults.status, CODES)], ids=["page", *map(str, CODES)])
@pytest.mark.usefixtures("impatient")
def test_an_error_or_a_login_page_is_refused(hub: Hub, shipped: Shipped, when: str, fault: faults.Fault) -> None:
    setattr(hub, when, fault)

    with pytest.raises(CheckpointError) as caught:
        locate(shipped.entry)

    assert len(str(caught.value).splitlines()) <= 12
    assert hub.count("GET") <= 3
    assert not shipped.final.exists()


def test_a_login_page_is_called_so(hub: Hub, shipped: Shipped) -> None:
    hub.on_head = faults.html()

    with pytest.raises(CheckpointError, match="does not answer like a model hub"):
        locate(shipped.entry)
    assert hub.count("HEAD") == 1


@pytest.mark.parametrize("when", ["on_head", "on_get"])
@pytest.mark.parametrize("code", [500, 503])
@pytest.mark.usefixtures("impatient")
def test_one_server_error_is_recovered(hub: Hub, shipped: Shipped, when: str, code: int) -> None:
    setattr(hub, when, faults.only_first(faults.status(code)))

    assert locate(shipped.entry).read_bytes() == shipped.content


@pytest.mark.parametrize("length", [1, 100, 65_000, 131_000])
def test_another_length_is_refused(hub: Hub, shipped: Shipped, length: int) -> None:
    hub.on_get = faults.wrong_length(length)

    with pytest.raises(CheckpointError, match="announced"):
        locate(shipped.entry)

    assert not shipped.final.exists()


@pytest.mark.usefixtures("impatient")
def test_a_body_shorter_than_announced_is_refused(hub: Hub, shipped: Shipped) -> None:
    hub.on_get = lambda reply, _: faults.replace(reply, body=reply.body[:-7], announced=len(reply.body))

    with pytest.raises(CheckpointError):
        locate(shipped.entry)

    assert not shipped.final.exists()


def test_a_redirect_to_another_host_is_followed_and_checked(hub: Hub, shipped: Shipped) -> None:
    elsewhere = hub.address.replace("127.0.0.1", "localhost") + "/cdn/object"
    hub.on_head = hub.on_get = faults.redirect(elsewhere)
    hub.objects["object"] = shipped.content[:-1] + b"?"
    with pytest.raises(CheckpointError):
        locate(shipped.entry)
    hub.objects["object"] = shipped.content

    assert locate(shipped.entry).read_bytes() == shipped.content


def test_a_replaced_file_is_refused_before_it_is_sent(hub: Hub, shipped: Shipped) -> None:
    hub.repositories["somebody/weights"]["ellipsenet/small.safetensors"] = shipped.content[::-1]

    with pytest.raises(CheckpointError, match="announces another file"):
        locate(shipped.entry)

    assert hub.count("GET") == 0


@pytest.mark.usefixtures("impatient")
def test_a_server_that_always_cuts_a_large_file_does_not_hold_us_for_ever(
    hub: Hub, shipped: Shipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 4096)  # the client then counts each block as progress
    whole = shipped.content

    def never_resumes(reply: faults.Reply, _: int) -> faults.Reply:
        headers = {k: v for k, v in reply.headers.items() if k != "Content-Range"}
        return faults.Reply(200, headers, whole, cut_at=len(whole) // 2)

    hub.on_get = never_resumes

    with pytest.raises(CheckpointError, match="in pieces"):
        locate(shipped.entry)


def test_a_rotten_file_in_the_clients_own_cache_is_not_taken(
    hub: Hub, shipped: Shipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants as constants
    from huggingface_hub import hf_hub_download

    cache = shipped.registry.parent / "client"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    file = shipped.entry.checkpoints["small"].file
    rotten = Path(hf_hub_download(REPOSITORY, file, cache_dir=cache, endpoint=hub.address))
    rotten.write_bytes(shipped.content[:-1] + b"?")
    hub.reset()

    assert locate(shipped.entry).read_bytes() == shipped.content
    assert hub.count("GET") == 1
