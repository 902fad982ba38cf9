"""Calibrate a reduced precision on training images, and let the validation split say whether it may be used."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.batches import entering, stack
from zoo.common.errors import BackendError
from zoo.common.files.outputs import STAGED
from zoo.common.tiling import read_window
from zoo.common.types import Arrays
from zoo.engines.engine import open_engine
from zoo.graphs import gate as gates
from zoo.graphs.graph import Graph
from zoo.registry.package import Package

if TYPE_CHECKING:
    from zoo.common.algorithm import Algorithm
    from zoo.common.datasets import Dataset
    from zoo.engines.engine import Engine
    from zoo.model import Model

RUNTIME = "openvino"
CALIBRATED = 128  # training images at most, evenly over the split


def reduced(model: Model, precision: str, data: Dataset) -> gates.Gate:
    """Make a reduced precision of a model ready in the cache; BackendError where validation says it costs too much."""
    weights = model.engine.weights()
    full = open_runner(model, weights, "f32")
    graph: Graph = full.graph  # type: ignore[attr-defined]
    if precision == "int8":
        gates.forget(graph, precision)
        _calibrate(model, graph, data)
    lower = open_runner(model, weights, precision)
    gate = gates.measure(model.algorithm, full, lower, data)
    gates.note(graph, lower.runtime, gate)  # type: ignore[attr-defined]
    gates.refuse_worse(gate, f"{model.name} in {precision}")
    return gate


def open_runner(model: Model, weights: Arrays, precision: str) -> Engine:
    """Open a model's weights in OpenVINO."""
    engine = open_engine(Package(model.entry), model.config, RUNTIME, "cpu", precision)
    engine.is_on_trial = True  # type: ignore[attr-defined]
    engine.load(weights)
    return engine


def _calibrate(model: Model, graph: Graph, data: Dataset) -> None:
    try:
        from zoo.graphs.quantise_openvino import quantise
    except ImportError as error:
        raise BackendError(
            f"int8 needs {error.name}, which is not installed; pip install 'openmedia-zoo[int8]'"
        ) from error
    batches = calibration(model.algorithm, data)
    staging = Path(tempfile.mkdtemp(prefix=STAGED, dir=graph.folder))
    try:
        for path in sorted(quantise(graph, batches, staging).parent.iterdir()):
            path.replace(graph.folder / path.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def calibration(algorithm: Algorithm, data: Dataset) -> list[Arrays]:
    """Return what the network sees of training images, one batch of one each: whole pictures, or middle windows."""
    training = data.split("train")
    chosen = np.unique(np.linspace(0, len(training) - 1, CALIBRATED).astype(int))
    return [
        stack([_seen(algorithm, sample.image)]) for sample in (entering(algorithm, training[int(i)]) for i in chosen)
    ]


def _seen(algorithm: Algorithm, image: object) -> Arrays:
    inputs = algorithm.preprocess(image)  # type: ignore[arg-type]
    window = algorithm.window
    if window is None:
        return inputs
    return {
        name: np.array(read_window(value, _middle(value.shape[1:], window), window)) for name, value in inputs.items()
    }


def _middle(size: tuple[int, ...], window: tuple[int, ...]) -> list[int]:
    return [(n - side) // 2 for n, side in zip(size, window, strict=True)]
