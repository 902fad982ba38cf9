"""Measure sliding windows beside MONAI: median processor seconds and peak memory."""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from zoo.common.tiling import predict_tiled

SIZE, WINDOW, REPEATS = (256, 256, 160), (96, 96, 96), 3
MEBI = 2**20


def measure(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return the median processor seconds of a run, and in a run of its own the growth of resident memory [MiB]."""
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    process, done = psutil.Process(), threading.Event()
    before = process.memory_info().rss
    peak = [before]

    def watch() -> None:
        while not done.wait(0.001):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)  # slows the work down, so nothing is timed here
    watcher.start()
    work()
    done.set()
    watcher.join()
    return statistics.median(seconds), (peak[0] - before) / MEBI


def sliding_windows(repeats: int) -> dict[str, tuple[float, float]]:
    """Blend the windows of an identity network over a volume, half overlapping, Gaussian."""
    import torch
    from monai.inferers import sliding_window_inference

    volume = np.random.default_rng(0).random((1, *SIZE), np.float32)
    tensor = torch.from_numpy(volume)[None]
    return {
        "MONAI": measure(
            lambda: sliding_window_inference(tensor, WINDOW, 4, lambda x: x, overlap=0.5, mode="gaussian"), repeats
        ),
        "zoo": measure(lambda: predict_tiled(volume, WINDOW, lambda x: x), repeats),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    table = Table("what", "who", "median [s]", "peak memory [MiB]", title=f"{options.repeats} runs each")
    sliding_windows(1)  # imports, first allocations
    for who, (seconds, memory) in sliding_windows(options.repeats).items():
        table.add_row("sliding windows", who, f"{seconds:.3f}", f"{memory:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
