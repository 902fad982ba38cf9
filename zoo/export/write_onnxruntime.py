"""Write the checked ONNX graph, as it lies in the cache."""

from __future__ import annotations

import shutil
from pathlib import Path

from zoo.engines.runner_onnxruntime import OnnxRuntimeRunner
from zoo.export.formats import Written
from zoo.model import Model
from zoo.registry.package import Package


def write(model: Model, folder: Path, precision: str) -> Written:
    """Copy the graph; ONNX Runtime says what it computes."""
    runner = OnnxRuntimeRunner(Package(model.entry), model.config, "cpu")
    runner.load(model.engine.weights())
    (stage,) = runner.graph.stages
    shutil.copyfile(runner.graph.path(stage), folder / "net.onnx")
    return ["net.onnx"], runner.forward
