"""What the hub tests share: the loopback hub, a registered file on it, and an empty cache."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests are not a package: loopback_hub is found beside this file

import loopback_hub
from loopback_hub import Hub

import zoo.hub
from zoo.checkpoints import cache_path
from zoo.common.weights import write_weights
from zoo.registry import Entry, load_registry

REPOSITORY = "somebody/weights"
REGISTRY = """
hub: {repository}
models:
  EllipseNet:
    package: ellipsenet
    class: EllipseNet
    task: ellipse-detection
    summary: A test.
    input: {{modality: ultrasound, dimensions: 2, channels: 1}}
    paper: {{title: A test, year: 2021, url: "https://example.org"}}
    reported: {{dataset: none, metric: dice}}
    licence: Apache-2.0
    checkpoints:
      small:
        default: true
        file: ellipsenet/small.safetensors
        sha256: "{sha256}"
        bytes: {size}
        log: ellipsenet/small.log.jsonl
        dataset: {{name: none, licence: none, split: none}}
        trained: {{framework: torch, device: cpu, seed: 0, versions: none}}
        metrics: {{}}
"""


@dataclass(frozen=True)
class Shipped:
    """A registered checkpoint, its right bytes, and its place in the cache."""

    entry: Entry
    content: bytes
    registry: Path

    @property
    def final(self) -> Path:
        return cache_path(self.entry.checkpoints["small"])

    def leftovers(self) -> list[Path]:
        """List the files under the cache that are neither the weight file nor a lock."""
        files = [path for path in self.final.parents[1].rglob("*") if path.is_file()]
        return [path for path in files if path != self.final and path.suffix != ".lock"]


def ship(folder: Path, hub: Hub, numbers: int) -> Shipped:
    """Register a weight file of so many float32 and put it on the hub."""
    path = folder / "shipped.safetensors"
    values = np.random.default_rng(numbers).standard_normal(numbers).astype(np.float32)
    write_weights(path, {"weight": values}, {"made": "for a test"})
    content = path.read_bytes()
    hub.repositories[REPOSITORY] = {"ellipsenet/small.safetensors": content}
    registry = folder / "registry.yaml"
    sha256 = hashlib.sha256(content).hexdigest()
    registry.write_text(REGISTRY.format(repository=REPOSITORY, sha256=sha256, size=len(content)))
    return Shipped(load_registry(registry)["EllipseNet"], content, registry)


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
    monkeypatch.setattr(zoo.hub, "PAUSES_S", (0.0, 0.0, 0.0))
    yield served
    served.reset()


@pytest.fixture
def shipped(hub: Hub, tmp_path: Path) -> Shipped:
    """Put a 64 KiB weight file on the hub."""
    return ship(tmp_path, hub, 16 * 1024)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the waiting out of the client's own retries."""
    import time
    from types import SimpleNamespace

    import huggingface_hub.file_download as client
    import huggingface_hub.utils._http as http

    hurried = SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None})
    monkeypatch.setattr(client, "time", hurried)
    monkeypatch.setattr(http, "time", hurried)
