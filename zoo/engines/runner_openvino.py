"""OpenVINO runs graphs on the CPU, in the precision that was asked for."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import openvino as ov

from zoo.common.errors import BackendError
from zoo.engines.graph_runner import GraphRunner, Session
from zoo.graphs.graph import Stage
from zoo.graphs.quantise_openvino import FILE

HINTS = {"f32": "f32", "bf16": "bf16", "int8": "f32"}  # what is not in 8 bits is in full precision
OPENING = threading.Lock()


def open_core() -> Any:
    """Return the OpenVINO of this process, which is never let go of.

    Its CPU plug-in gives the thread that opens it another stack for signals, and takes that away in the thread that
    lets go of it last. Where these are two, the first one's next signal, such as Ctrl-C, ends the process.
    """
    with OPENING:
        return _only_core()


@cache
def _only_core() -> Any:
    return ov.Core()


def has_device(device: str) -> bool:
    """Tell whether the device can be used; only the CPU was ever tried."""
    return device == "cpu"


class OpenVinoRunner(GraphRunner):
    """Runs the graph of a network in OpenVINO."""

    framework = "openvino"
    survives_fork = False  # a child ends when it lets go of the threads of its parent

    def version(self) -> str:
        """Return OpenVINO's version."""
        return str(ov.__version__).split("-")[0]

    def open(self, path: Path, stage: Stage, count: int | None) -> Session:
        """Compile one file of a graph."""
        options: dict[str, Any] = {
            # on processors that have bfloat16 its own choice is bfloat16, whatever the graph says
            "INFERENCE_PRECISION_HINT": HINTS[self.precision],
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # other processes may have the same cores
        }
        if count is not None:
            options["INFERENCE_NUM_THREADS"] = count
        if self.precision == "int8":
            path = quantised(path)
        core = open_core()
        compiled = core.compile_model(core.read_model(path), "CPU", options)
        computes = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if computes != HINTS[self.precision]:
            raise BackendError(
                f"precision={self.precision!r} given; this processor computes in {computes}. Use precision='f32'"
            )
        return Pool(compiled)


def quantised(path: Path) -> Path:
    """Return the 8-bit form of a graph; BackendError where nobody made it."""
    found = path.with_name(FILE)
    if not found.is_file():
        raise BackendError(
            "int8 asked for, which is made from training images first: "
            "`zoo export NAME --format openvino --precision int8 --data ... --out FOLDER`, or use precision='f32'"
        )
    return found


class Pool:
    """Gives each thread a request of its own, and uses it again afterwards."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._free: SimpleQueue[Any] = SimpleQueue()

    def __call__(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """Run the graph; the outputs are copies."""
        try:
            request = self._free.get_nowait()
        except Empty:
            request = self._compiled.create_infer_request()
        found = request.infer(arrays, share_inputs=True)
        outputs = [np.array(found[i], np.float32) for i in range(len(self._compiled.outputs))]
        self._free.put(request)
        return outputs
