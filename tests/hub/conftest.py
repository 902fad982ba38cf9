"""Fixtures of the hub tests: a healthy loopback hub, a registered file on it, and an empty cache."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import zoo.weights.hub

from . import loopback_hub
from .loopback_hub import Hub
from .shipped import REPOSITORY, Shipped, ship


@pytest.fixture(scope="session")
def served() -> Iterator[Hub]:
    """Serve one hub for all tests."""
    with loopback_hub.running() as hub:
        yield hub


@pytest.fixture
def hub(served: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Point the zoo and the client at a healthy hub, an empty cache and an empty home."""
    served.reset()
    served.repositories.clear()
    served.objects.clear()
    for name in ("HF_HUB_OFFLINE", "ZOO_CHECKPOINTS", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("ZOO_HUB", REPOSITORY)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(zoo.weights.hub, "PAUSES_S", (0.0, 0.0, 0.0))
    yield served
    served.reset()


@pytest.fixture
def shipped(hub: Hub, tmp_path: Path) -> Shipped:
    """Put a 64 KiB weight file on the hub."""
    return ship(tmp_path, hub, 16 * 1024)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the waiting out of the client's own retries."""
    import huggingface_hub.file_download as client
    import huggingface_hub.utils._http as http

    hurried = SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None})
    monkeypatch.setattr(client, "time", hurried)
    monkeypatch.setattr(http, "time", hurried)
