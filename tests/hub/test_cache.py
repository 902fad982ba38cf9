"""The cache on this machine: rot, rights, room, order of places, offline."""

from __future__ import annotations

import os
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import zoo.weights.hub
from zoo.common.errors import CheckpointError, NotCachedError, RegistryError, ZooWarning
from zoo.weights.places import locate, verify

from . import loopback_hub as faults
from .loopback_hub import Hub
from .shipped import Shipped

NOBODY = 65534


def spoil(path: Path, offset: int = 5000) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 4
    path.write_bytes(bytes(content))


@pytest.fixture
def banned(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Forbid sockets; return the list of attempts."""
    attempts: list[object] = []

    def refuse(self: socket.socket, address: object) -> None:
        attempts.append(address)
        raise OSError("sockets are banned")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: attempts.append(a))
    return attempts


def test_rot_anywhere_in_the_cached_file_is_found_and_healed(hub: Hub, shipped: Shipped) -> None:
    rng = random.Random(3)
    locate(shipped.entry)
    for _ in range(20):
        spoil(shipped.final, rng.randrange(len(shipped.content)))
        with pytest.warns(ZooWarning, match="not the registered file"):
            healed = locate(shipped.entry)

        assert healed.read_bytes() == shipped.content


def test_downloads_leave_no_thread_behind(hub: Hub, shipped: Shipped) -> None:
    locate(shipped.entry)
    before = threading.active_count()
    for _ in range(5):
        spoil(shipped.final)
        with pytest.warns(ZooWarning):
            locate(shipped.entry)

    assert threading.active_count() <= before + 1  # the server may still close a connection


def test_rot_is_an_error_offline(hub: Hub, shipped: Shipped, banned: list, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped.final.parent.mkdir(parents=True)
    shipped.final.write_bytes(shipped.content)
    spoil(shipped.final)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with pytest.warns(ZooWarning), pytest.raises(NotCachedError, match="zoo download EllipseNet"):
        locate(shipped.entry)
    assert banned == []


def test_offline_with_the_file_asks_nobody(
    hub: Hub, shipped: Shipped, banned: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped.final.parent.mkdir(parents=True)
    shipped.final.write_bytes(shipped.content)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert locate(shipped.entry) == shipped.final
    assert banned == []


def test_online_with_the_file_asks_nobody_either(hub: Hub, shipped: Shipped, banned: list) -> None:
    shipped.final.parent.mkdir(parents=True)
    shipped.final.write_bytes(shipped.content)

    assert locate(shipped.entry) == shipped.final
    assert banned == []


@pytest.mark.parametrize("offline", [True, False])
def test_without_the_file_and_without_leave_nobody_is_asked(
    hub: Hub, shipped: Shipped, banned: list, monkeypatch: pytest.MonkeyPatch, offline: bool
) -> None:
    if offline:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with pytest.raises(NotCachedError) as caught:
        locate(shipped.entry, download=offline)

    assert "zoo download EllipseNet" in str(caught.value) and str(shipped.final) in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 12
    assert banned == []


def test_a_dead_network_is_said_in_seconds(hub: Hub, shipped: Shipped, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")

        with pytest.raises(CheckpointError, match="Connect"):
            locate(shipped.entry)


def test_the_users_folder_comes_first(
    hub: Hub, shipped: Shipped, banned: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = shipped.registry.parent / "mine"
    file = mine / "ellipsenet" / "small.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(shipped.content)
    monkeypatch.setenv("ZOO_CHECKPOINTS", str(mine))

    assert locate(shipped.entry) == file


def test_a_wrong_file_in_the_users_folder_is_never_used(
    hub: Hub, shipped: Shipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = shipped.registry.parent / "mine" / "ellipsenet" / "small.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(shipped.content)
    spoil(file)
    monkeypatch.setenv("ZOO_CHECKPOINTS", str(file.parents[1]))

    with pytest.warns(ZooWarning, match="not the registered file"):
        found = locate(shipped.entry)

    assert found == shipped.final and found.read_bytes() == shipped.content


def test_a_path_is_the_users_own_file(shipped: Shipped, banned: list) -> None:
    mine = shipped.registry.parent / "my own.safetensors"
    mine.write_bytes(b"anything")

    assert locate(shipped.entry, mine) == locate(shipped.entry, str(mine)) == mine


def test_a_missing_path_and_an_unknown_name_are_errors(shipped: Shipped, banned: list) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        locate(shipped.entry, "./missing.safetensors")
    with pytest.raises(RegistryError, match="registered: small"):
        locate(shipped.entry, "smal")
    assert banned == []


def test_verify_tells_right_wrong_and_absent(hub: Hub, shipped: Shipped) -> None:
    states = [verify(shipped.entry)[0].state]
    locate(shipped.entry)
    states.append(verify(shipped.entry)[0].state)
    spoil(shipped.final)
    states.append(verify(shipped.entry)[0].state)

    assert states == ["absent", "right", "wrong"]


def test_a_missing_cache_folder_is_made(hub: Hub, shipped: Shipped, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = shipped.registry.parent / "no" / "such" / "földer"
    monkeypatch.setenv("ZOO_HOME", str(deep))

    assert locate(shipped.entry).is_relative_to(deep)


def test_a_cache_folder_that_is_a_file_is_said(hub: Hub, shipped: Shipped, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = shipped.registry.parent / "file"
    blocked.write_text("")
    monkeypatch.setenv("ZOO_HOME", str(blocked))

    with pytest.raises(CheckpointError, match="ZOO_HOME"):
        locate(shipped.entry)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that other users may enter, which tmp_path is not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def run_unprivileged(code: str) -> str:
    """Run code in a process without the superuser's rights, for which read-only means read-only."""
    drop = f"import os; os.getuid() == 0 and (os.setgid({NOBODY}), os.setuid({NOBODY}))"
    command = [
        sys.executable,
        "-c",
        f"import zoo.weights.places, zoo.registry, huggingface_hub.file_download, filelock\n{drop}\n{code}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.stdout + done.stderr


@pytest.mark.parametrize("present", [True, False])
def test_a_read_only_cache_works_with_the_file_and_is_said_without(
    hub: Hub, shipped: Shipped, open_folder: Path, monkeypatch: pytest.MonkeyPatch, present: bool
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(open_folder / "home"))
    registry = shutil.copy(shipped.registry, open_folder)
    if present:
        shipped.final.parent.mkdir(parents=True)
        shipped.final.write_bytes(shipped.content)
    else:
        (open_folder / "home").mkdir()
    for folder in [open_folder, *open_folder.rglob("*")]:
        folder.chmod(0o555 if folder.is_dir() else 0o444)

    out = run_unprivileged(
        f"print(zoo.weights.places.locate(zoo.registry.load_registry({str(registry)!r})['EllipseNet'], download=True))"
    )
    open_folder.chmod(0o755)

    assert str(shipped.final) in out
    assert ("CheckpointError" in out and "set ZOO_HOME" in out) != present


def assert_said_and_clean(shipped: Shipped) -> None:
    with pytest.raises(CheckpointError, match="ZOO_HOME") as caught:
        locate(shipped.entry)

    assert len(str(caught.value).splitlines()) <= 12
    assert not shipped.final.exists()
    assert not shipped.leftovers()


def test_a_full_disk_is_said_before_the_download(hub: Hub, shipped: Shipped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo.weights.hub.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))

    assert_said_and_clean(shipped)
    assert hub.count("GET") == 0


def test_a_disk_that_fills_up_is_said(hub: Hub, shipped: Shipped) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))  # writing beyond fails like on a full disk
    try:
        assert_said_and_clean(shipped)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(os.getuid() != 0, reason="only the superuser can mount a small disk")
def test_a_small_disk_is_said(hub: Hub, shipped: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this container may not mount")
    try:
        monkeypatch.setenv("ZOO_HOME", str(disk))
        assert_said_and_clean(shipped)
        monkeypatch.setattr(zoo.weights.hub.shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 40))
        assert_said_and_clean(shipped)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_failed_healing_keeps_the_wrong_file_from_being_used(hub: Hub, shipped: Shipped) -> None:
    locate(shipped.entry)
    spoil(shipped.final)
    hub.on_get = faults.flip(77)

    with pytest.warns(ZooWarning), pytest.raises(CheckpointError):
        locate(shipped.entry)
