"""Compare the forward passes of both frameworks on one thread: U-Nets at 256 x 256 and 64 x 64 x 64, batch 1."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
from rich.console import Console
from rich.table import Table

import zoo

ROUNDS, CALLS = 2, 3
CASES = [("2D-UNet", "paper"), ("2D-UNet", "small"), ("3D-UNet", "paper"), ("3D-UNet", "small")]
SIZES = {"2D-UNet": (256, 256), "3D-UNet": (64, 64, 64)}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}  # what MindSpore's convolutions are limited to
COLUMNS = {"PyTorch": ("torch", {}), "PyTorch, AVX2": ("torch", AVX2), "MindSpore": ("mindspore", {})}


def measure(name: str, variant: str, backend: str) -> float:
    """Return the processor time of one forward pass in this process [s], the least of several."""
    model = zoo.load(name, backend=backend, device="cpu", checkpoint=None, variant=variant)
    shape = (1, model.config.input_channels, *SIZES[name])
    inputs = {"image": np.random.default_rng(0).normal(size=shape).astype(np.float32)}
    times = []
    for _ in range(1 + CALLS):
        started = time.process_time()
        model.engine.forward(inputs)
        times.append(time.process_time() - started)
    return min(times[1:])  # the first one allocates


def ask(name: str, variant: str, backend: str, limits: dict[str, str]) -> float:
    """Measure in a process of its own."""
    settings = [f"{key}={value}" for key, value in (ONE_THREAD | limits).items()]
    command = ["env", *settings, sys.executable, __file__, name, variant, backend]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return float(answer.stdout.split()[-1])


def main() -> None:
    if len(sys.argv) > 1:
        print(measure(*sys.argv[1:4]))
        return
    table = Table("network", *(f"{c} [ms]" for c in COLUMNS), "ratio", "ratio at AVX2", title="processor time, forward")
    for name, variant in CASES:
        rounds = [[ask(name, variant, *column) for column in COLUMNS.values()] for _ in range(ROUNDS)]  # in turns
        torch, avx2, mindspore = np.min(rounds, axis=0) * 1e3
        ratios = f"{mindspore / torch:.2f}", f"{mindspore / avx2:.2f}"
        table.add_row(f"{name} {variant}", f"{torch:.0f}", f"{avx2:.0f}", f"{mindspore:.0f}", *ratios)
    Console().print(table)


if __name__ == "__main__":
    main()
