"""Find the graph of a network with its weights, or make it, where PyTorch is there to do so."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Any

from zoo.common.errors import BackendError
from zoo.common.types import Arrays
from zoo.graphs import store
from zoo.graphs.graph import Graph
from zoo.graphs.key import network_key, sum_of
from zoo.registry.package import Package


def weight_shapes(package: Package, config: Any) -> dict[str, tuple[int, ...]]:
    """Name every weight of a network with its shape, as whoever built it before found, else by building it."""
    key = network_key(package, config)
    known = store.read_shapes(key)
    if known is not None:
        return known
    _need_torch(package)
    from zoo.graphs.export_torch import shapes_of

    shapes = shapes_of(package, config)
    store.keep_shapes(key, shapes)
    return shapes


def graph_of(package: Package, config: Any, weights: Arrays) -> Graph:
    """Return the graph of a network with these weights; where it is not there yet, PyTorch makes it."""
    total = sum_of(weights)
    key = hashlib.sha256(f"{network_key(package, config)} {total}".encode()).hexdigest()
    made_by = exporter()
    graph = store.find(key, made_by)
    if graph is not None:
        return graph
    _need_torch(package)
    _need_onnx(package)
    from zoo.graphs.export_torch import export

    def write(folder: Path) -> None:
        export(package, config, weights, folder, total)

    return store.put(key, str(made_by), write)


def exporter() -> str | None:
    """Name the version of PyTorch that would make graphs; None where there is none."""
    if importlib.util.find_spec("torch") is None:
        return None
    try:
        return f"torch-{importlib.metadata.version('torch')}"
    except importlib.metadata.PackageNotFoundError:
        return None


def _need_torch(package: Package) -> None:
    if "torch" not in package.frameworks:
        raise BackendError(f"{package.entry.name} has no network in PyTorch, which graphs are made of")
    if exporter() is None:
        raise BackendError(
            f"no graph of {package.entry.name} with these weights lies in {store.graphs_home()}, and PyTorch, which "
            "makes it, is not installed. Load the model once where PyTorch is and copy that folder, or pip install "
            "'openmedia-zoo[torch]'"
        )


def _need_onnx(package: Package) -> None:
    if importlib.util.find_spec("onnx") is None:
        raise BackendError(
            f"no graph of {package.entry.name} with these weights lies in {store.graphs_home()}, and the package onnx, "
            "which PyTorch writes graphs with, is not installed; pip install 'openmedia-zoo[export]'"
        )
