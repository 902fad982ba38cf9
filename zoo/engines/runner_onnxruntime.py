"""ONNX Runtime runs graphs on the CPU, in float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from zoo.engines.graph_runner import GraphRunner, Session
from zoo.graphs.graph import Stage

ERRORS_ONLY = 3


def has_device(device: str) -> bool:
    """Tell whether the device can be used; only the CPU was ever tried."""
    return device == "cpu"


class OnnxRuntimeRunner(GraphRunner):
    """Runs the graph of a network in ONNX Runtime."""

    framework = "onnxruntime"
    survives_fork = True

    def version(self) -> str:
        """Return ONNX Runtime's version."""
        return str(onnxruntime.__version__)

    def open(self, path: Path, stage: Stage, count: int | None) -> Session:
        """Open one file of a graph."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        if count is not None:
            options.intra_op_num_threads = count
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_inputs()]

        def run(arrays: list[np.ndarray]) -> list[np.ndarray]:
            found = session.run(None, dict(zip(names, arrays, strict=True)))
            return [np.asarray(value, np.float32) for value in found]

        return run
