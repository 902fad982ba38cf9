"""A network as one or more ONNX files, and the sidecar beside them that says what they are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.common.errors import CheckpointError
from zoo.common.files.outputs import json_text
from zoo.weights.hub import hash_file

SIDECAR = "graph.json"
REFERENCE = "reference.npz"  # inputs, and what PyTorch made of them


@dataclass(frozen=True)
class Stage:
    """One file. Inputs and outputs are bound by their place: runtimes may rename them."""

    name: str
    file: str
    sha256: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """What a network is made of, where it lies, and what it was made from."""

    folder: Path
    algorithm: str
    weights: str  # SHA-256 of names, shapes and values
    inputs: Mapping[str, tuple[int, ...]]  # in their order, without the batch axis, which is free
    outputs: tuple[str, ...]
    window: tuple[int, ...] | None  # the network sees pieces of this size; None where it sees all at once
    opset: int
    stages: tuple[Stage, ...]
    config: Mapping[str, Any]
    versions: Mapping[str, str]

    def path(self, stage: Stage) -> Path:
        """Return where the file of a stage lies."""
        return self.folder / stage.file

    def to_dict(self) -> dict[str, Any]:
        """Return the content of the sidecar."""
        known = dataclasses.asdict(self)
        del known["folder"]
        return known


def write_sidecar(graph: Graph) -> None:
    """Write the sidecar into the graph's folder."""
    (graph.folder / SIDECAR).write_text(json_text(graph.to_dict()), encoding="utf-8")


def read_sidecar(folder: Path) -> Graph:
    """Read the sidecar of a folder, and hold its files against their sums; CheckpointError where one is not right."""
    try:
        known = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
        stages = tuple(
            Stage(s["name"], s["file"], s["sha256"], tuple(s["inputs"]), tuple(s["outputs"])) for s in known["stages"]
        )
        graph = Graph(
            folder,
            known["algorithm"],
            known["weights"],
            {name: tuple(shape) for name, shape in known["inputs"].items()},
            tuple(known["outputs"]),
            None if known["window"] is None else tuple(known["window"]),
            known["opset"],
            stages,
            known["config"],
            known["versions"],
        )
        changed = [stage.file for stage in stages if hash_file(folder / stage.file) != stage.sha256]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise CheckpointError(
            f"{folder}: no sound graph ({reason:.200}); remove that folder to have it anew"
        ) from error
    if changed:
        raise CheckpointError(f"{folder}: {', '.join(changed)} changed on the disk; remove that folder to have it anew")
    return graph
