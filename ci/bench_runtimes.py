"""Measure predictions in OpenVINO and ONNX Runtime against the PyTorch engine, in turns within one process per entry.

Prints ratios of the wall time of `engine.forward` (two threads) and of processor time (one thread), medians over the
rounds, then start to the first prediction and peak memory of the entries in --start. Weights: the default checkpoint.
All of it takes about 8 minutes on two free cores once the graphs are made (`python ci/bench_runtimes.py --rounds 1`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

KINDS = {
    "torch": ("torch", "f32"),
    "f32": ("openvino", "f32"),
    "bf16": ("openvino", "bf16"),
    "int8": ("openvino", "int8"),
}
KINDS |= {"onnxruntime": ("onnxruntime", "f32")}
DEFAULT = ("torch", "f32", "bf16", "onnxruntime")
STARTED = ("EllipseNet",)
START = """
import sys, time
started = time.perf_counter()
import numpy as np, zoo
model = zoo.load(sys.argv[1], backend=sys.argv[2])
sample = type(model.algorithm).example(model.config, np.random.default_rng(0))
drawn = time.perf_counter()
model.predict(sample.image)
status = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(time.perf_counter() - started, int(status[0]) / 1024)
"""


def engines(name: str, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Open the entry in each backend; what cannot be opened is left out and told."""
    import zoo

    found = {}
    for kind in kinds:
        backend, precision = KINDS[kind]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found[kind] = zoo.load(name, backend=backend, device="cpu", precision=precision)
        except zoo.ZooError as error:
            print(f"{name} {kind}: {error}", file=sys.stderr)
    return found


def in_turns(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Time each call once per round, (wall, processor) [s]; who is first changes with the round."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    order = list(calls)
    for turn in range(rounds + 1):
        for name in order:
            wall, computed = time.perf_counter(), time.process_time()
            calls[name]()
            if turn:  # the first round compiles and allocates
                times[name].append((time.perf_counter() - wall, time.process_time() - computed))
        order.append(order.pop(0))
    return times


def measure(name: str, kinds: tuple[str, ...], rounds: int, batch: int) -> dict[str, Any]:
    """Return the least time of each backend, and the median of its ratios to PyTorch's."""
    from zoo.graphs.check import draw_inputs

    models = engines(name, kinds)
    inputs = draw_inputs(models["torch"].algorithm, batch)
    times = in_turns({k: lambda m=m: m.engine.forward(inputs) for k, m in models.items()}, rounds)  # type: ignore[misc]
    result: dict[str, Any] = {}
    for kind, pairs in times.items():
        ratios = [
            [r / o for r, o in zip(ref, own, strict=True)] for ref, own in zip(times["torch"], pairs, strict=True)
        ]
        wall, processor = (statistics.median(column) for column in zip(*ratios, strict=True))
        result[kind] = {"least_ms": 1e3 * min(p[0] for p in pairs), "wall": wall, "processor": processor}
    return result


def worker(name: str, threads: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure in a process of its own with so many threads."""
    settings = [f"OMP_NUM_THREADS={threads}", f"MKL_NUM_THREADS={threads}"]
    options = ["--rounds", str(arguments.rounds), "--batch", str(arguments.batch), "--kinds", *arguments.kinds]
    command = ["env", *settings, sys.executable, __file__, name, "--worker", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def starts(name: str) -> None:
    """Print start to the first prediction and peak memory, the lesser of two, in turns."""
    found: dict[str, list[tuple[float, float]]] = {"torch": [], "openvino": [], "onnxruntime": []}
    for _ in range(3):  # the first fills the caches
        for backend, times in found.items():
            done = subprocess.run(
                [sys.executable, "-c", START, name, backend], capture_output=True, text=True, check=True
            )
            seconds, mib = (float(word) for word in done.stdout.split()[-2:])
            times.append((seconds, mib))
    for backend, times in found.items():
        print(f"| {name} | {backend} | {min(t[0] for t in times[1:]):.2f} s | {min(t[1] for t in times[1:]):.0f} MiB |")


def main() -> None:
    """Measure the named entries, or all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=list(DEFAULT), choices=list(KINDS))
    parser.add_argument("--start", nargs="*", default=STARTED, help="entries whose start and memory are measured")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        print(json.dumps(measure(asked.names[0], tuple(asked.kinds), asked.rounds, asked.batch)))
        return
    from zoo.registry import list_models

    print("| entry | backend | ms, two threads | faster, wall, two threads | faster, processor time, one thread |")
    print("|---|---|---|---|---|")
    for name in asked.names or list_models():
        two, one = worker(name, 2, asked), worker(name, 1, asked)
        for kind, found in two.items():
            print(f"| {name} | {kind} | {found['least_ms']:.1f} | {found['wall']:.2f} | {one[kind]['processor']:.2f} |")
    if asked.start:
        print("\n| entry | backend | start to the first prediction | peak memory |\n|---|---|---|---|")
    for name in asked.start:
        starts(name)
    print(f"load {os.getloadavg()}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
