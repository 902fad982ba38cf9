"""Where graphs are kept: one folder per network and weights in the user's cache, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from zoo.common.errors import CheckpointError
from zoo.common.files.outputs import STAGED, explained, json_text, write_text
from zoo.graphs.graph import SIDECAR, Graph, read_sidecar
from zoo.weights.places import home

Differences = dict[str, float]


def graphs_home() -> Path:
    """Name the folder of all graphs; copied to another machine, they serve there without PyTorch."""
    return home() / "graphs"


def find(key: str, exporter: str | None) -> Graph | None:
    """Return a sound graph that is there, by this exporter, or by any where there is none; a broken one is removed."""
    folder = graphs_home() / key
    names = [exporter] if exporter is not None else sorted(_names(folder), reverse=True)
    for name in names:
        if (folder / name / SIDECAR).is_file():
            try:
                return read_sidecar(folder / name)
            except CheckpointError:
                if exporter is None:
                    raise
                shutil.rmtree(folder / name, ignore_errors=True)  # it is made anew
    return None


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def put(key: str, exporter: str, write: Callable[[Path], object]) -> Graph:
    """Let `write` fill a folder, then give it its place in one step; one that another process put there stays."""
    final = graphs_home() / key / exporter
    with explained(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=STAGED, dir=final.parent.parent))
        try:
            write(staging)
            with suppress(OSError):  # there already
                os.rename(staging, final)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return read_sidecar(final)


def found_earlier(graph: Graph, runtime: str) -> Differences | None:
    """Return what this version of a runtime was found to differ by from PyTorch; None where nobody looked."""
    try:
        known = json.loads(_note(graph, runtime).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return {str(name): float(value) for name, value in known.items()} if isinstance(known, dict) else None


def note(graph: Graph, runtime: str, found: Differences) -> None:
    """Keep what a runtime was found to differ by."""
    write_text(_note(graph, runtime), json_text(found))


def _note(graph: Graph, runtime: str) -> Path:
    return graph.folder / f"checked-{runtime}.json"


def read_shapes(key: str) -> dict[str, tuple[int, ...]] | None:
    """Return the weights of a network by name with their shapes; None where nobody built it yet."""
    try:
        known = json.loads(_shapes(key).read_text(encoding="utf-8"))
        return {str(name): tuple(int(n) for n in shape) for name, shape in known.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def keep_shapes(key: str, shapes: dict[str, tuple[int, ...]]) -> None:
    """Keep the names and shapes of a network's weights."""
    write_text(_shapes(key), json_text(shapes))


def _shapes(key: str) -> Path:
    return graphs_home() / "shapes" / f"{key}.json"
