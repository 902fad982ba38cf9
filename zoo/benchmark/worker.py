"""One framework in a process of its own, timed on request; started by zoo.benchmark, not by users."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

BATCH = 8


def serve() -> None:
    """Load the model named in argv, then answer each line on stdin with one line of JSON on the first stdout."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # frameworks print to stdout, which would break the answers
    try:
        ready, commands = _start(json.loads(sys.argv[1]))
        answers.write(json.dumps(ready) + "\n")
        for line in sys.stdin:
            answers.write(json.dumps(commands[line.strip()]()) + "\n")
    except Exception as error:  # passed on to the parent, which raises it as its own
        answers.write(json.dumps({"error": f"{type(error).__name__}: {error}"}) + "\n")


def _start(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Callable[[], dict[str, float]]]]:
    started = time.perf_counter()
    import numpy as np

    import zoo

    model = zoo.load(**options)
    loaded = time.perf_counter()
    image = model.algorithm.example(model.config, np.random.default_rng(0)).image
    drawn = time.perf_counter()
    model.predict(image)
    ready = {
        "framework": model.backend,
        "device": model.device,
        "variant": model.variant,
        "weights": model.source,
        "load_s": loaded - started,
        "first_prediction_s": time.perf_counter() - drawn,
        "example_s": drawn - loaded,  # not part of a user's cold start
    }
    return ready, {"round": _rounds(model, image), "memory": _memory}


def _rounds(model: Any, image: Any) -> Callable[[], dict[str, float]]:
    from zoo.common.batches import stack

    images = [replace(image, name=f"{i}") for i in range(BATCH)]
    inputs = stack([model.algorithm.preprocess(one) for one in images])
    outputs = model.engine.forward(inputs)
    rows = [{name: value[i] for name, value in outputs.items()} for i in range(BATCH)]
    calls: dict[str, Callable[[], object]] = {
        "latency_s": lambda: model.predict(image),
        "predict_s": lambda: model.predict(images),
        "bare_s": _bare(model, inputs),
        "engine_s": lambda: model.engine.forward(inputs),
        "preprocess_s": lambda: stack([model.algorithm.preprocess(one) for one in images]),
        "postprocess_s": lambda: [model.algorithm.postprocess(row, one) for row, one in zip(rows, images, strict=True)],
    }
    order = list(calls)

    def run() -> dict[str, float]:
        times = {}
        for name in order:
            started, computed = time.perf_counter(), time.process_time()
            calls[name]()
            times[f"{name}_cpu"] = time.process_time() - computed
            times[name] = time.perf_counter() - started
        order.append(order.pop(0))  # nobody is always first after a pause
        return times

    run()  # first calls at this batch size compile and allocate
    return run


def _bare(model: Any, inputs: Any) -> Callable[[], object]:
    """Return what runs the network alone: the framework's own call, or the runtime's."""
    from zoo.engines.backends import KINDS

    if not KINDS[model.backend].trains:
        arrays = list(inputs.values())
        sessions = model.engine.sessions
        return lambda: sessions["net"](arrays) if len(sessions) == 1 else model.engine.forward(inputs)
    bare_forward = importlib.import_module(f"zoo.benchmark.bare_{model.backend}").bare_forward
    found: Callable[[], object] = bare_forward(model.net, inputs, model.device)
    return found


def _memory() -> dict[str, float]:
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would also count the parent that started this process
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return {"peak_bytes": int(line.split()[1]) * 1024}
    import resource  # Unix only

    scale = 1 if sys.platform == "darwin" else 1024
    return {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale}


if __name__ == "__main__":
    serve()
