"""A registered weight file on the loopback hub."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.common.weights import write_weights
from zoo.registry import Entry, load_registry
from zoo.weights.places import cache_path

from .loopback_hub import Hub

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
