"""Say how near MindSpore's forward passes come to their floor: what their convolutions and matrix products take alone.

Prints per entry, default weights, one image, one core, the least processor time of several passes: PyTorch,
MindSpore, their ratio, and what remains of it if everything but the convolutions, transposed convolutions and linear
layers took no time. Those are called alone, one after the other, with what they were given in a pass.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import zoo
from zoo.common.layers import layers_mindspore as layers
from zoo.graphs.check import draw_inputs
from zoo.registry import list_models

ROUNDS, CALLS = 2, 5
HEAVY = (layers.Conv2d, layers.Conv3d, layers.ConvTranspose2d, layers.ConvTranspose3d, layers.Linear)
ONE_THREAD = ("OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1")
ADDED = "alone"  # asks for the layers of a MindSpore network instead of the whole


def least(call: Callable[[], object]) -> float:
    """Return the least processor time of several calls [s]; the first one allocates."""
    times = []
    for _ in range(1 + CALLS):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return min(times[1:])


def alone(model: zoo.Model) -> float:
    """Return the processor time of the heavy layers of a pass, each called alone [s]."""
    seen: list[tuple[Any, tuple[Any, ...]]] = []
    cells = [cell for _, cell in model.engine.net.cells_and_names() if isinstance(cell, HEAVY)]
    handles = [cell.register_forward_pre_hook(lambda cell, inputs: seen.append((cell, inputs))) for cell in cells]
    model.engine.forward(draw_inputs(model.algorithm, 1))
    for handle in handles:
        handle.remove()
    # what asnumpy() copies is small beside what it waits for
    return sum(least(lambda cell=cell, inputs=inputs: cell(*inputs).asnumpy()) for cell, inputs in seen)  # type: ignore[misc]


def measure(name: str, what: str) -> float:
    """Measure in this process [s], on one core: on a second one MindSpore's other thread waits busily."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    model = zoo.load(name, backend="torch" if what == "torch" else "mindspore", device="cpu")
    inputs = draw_inputs(model.algorithm, 1)
    return alone(model) if what == ADDED else least(lambda: model.engine.forward(inputs))


def ask(name: str, what: str) -> float:
    """Measure in a process of its own."""
    command = ["env", *ONE_THREAD, sys.executable, __file__, name, what]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return 1e3 * float(answer.stdout.split()[-1])


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[2] in ("torch", "mindspore", ADDED):
        print(measure(*sys.argv[1:]))
        return
    print("| entry | PyTorch | MindSpore | ratio | its floor |\n|---|---|---|---|---|")
    for name in sys.argv[1:] or list_models():
        rounds = [[ask(name, what) for what in ("torch", "mindspore", ADDED)] for _ in range(ROUNDS)]  # in turns
        torch, mindspore, floor = (min(column) for column in zip(*rounds, strict=True))
        told = f"{torch:.1f} ms | {mindspore:.1f} ms | {mindspore / torch:.2f} | {floor / torch:.2f}"
        print(f"| {name} | {told} |", flush=True)


if __name__ == "__main__":
    main()
