"""Measure a CT-sized volume through 3D-UNet beside MONAI's windows around the same network: time, memory, same mask.

`--answers 20` runs the network on 20 windows and takes its last answer for all others: same memory, and the time around
the network, in minutes instead of hours.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import zoo
from zoo.common.types import Arrays, Image

SIZE = (300, 512, 512)
WHO = ("MONAI", "zoo")


def peak_mib() -> float:
    """Return the largest resident memory of this process so far (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def volume(size: tuple[int, ...]) -> Image:
    """Draw bright balls in noise, voxels of 1 mm."""
    rng = np.random.default_rng(0)
    array = rng.standard_normal((1, *size), np.float32)
    for centre in rng.uniform(0.2, 0.8, (6, 3)) * size:
        corner = tuple(slice(max(0, int(c) - 20), int(c) + 20) for c in centre)
        array[(0, *corner)] += 3
    return Image(array, (1.0, 1.0, 1.0), np.eye(4), name="ct")


def prepare(who: str, model: zoo.Model, image: Image) -> Callable[[], np.ndarray]:
    """Return the work: an image in, a mask out; half of it is the same network, run by `model.engine`."""
    if who == "zoo":
        return lambda: model.predict(image).labels  # type: ignore[union-attr]
    import torch
    from monai.inferers import sliding_window_inference

    def network(part: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(model.engine.forward({"image": part.numpy()})["logits"])

    def work() -> np.ndarray:
        tensor = torch.from_numpy(model.algorithm.preprocess(image)["image"])[None]
        overlap, mode = model.algorithm.tiling
        scores = sliding_window_inference(
            tensor, model.algorithm.window, 1, network, overlap, mode=mode, padding_mode="reflect"
        )
        return scores[0].argmax(0).numpy().astype(np.uint8)

    return work


class Watched:
    """The network, with the processor seconds that it took; after `limit` windows it repeats its last answer."""

    def __init__(self, forward: Callable[[Arrays], Arrays], limit: int) -> None:
        self.forward, self.limit = forward, limit
        self.seconds, self.windows = 0.0, 0
        self.last: Arrays = {}

    def __call__(self, inputs: Arrays) -> Arrays:
        started = time.process_time()
        if self.windows < self.limit:
            self.last = self.forward(inputs)
        self.windows += 1
        answer = {name: value.copy() for name, value in self.last.items()}
        self.seconds += time.process_time() - started
        return answer


def measure(options: argparse.Namespace) -> None:
    """Print the median processor seconds of all and around the network, and the memory above the model [MiB]."""
    config: dict[str, object] = {"spacing_mm": (1.0, 1.0, 1.0)}
    config |= {"window_size": tuple(options.window)} if options.window else {}
    config |= {"overlap": options.overlap} if options.overlap is not None else {}
    start = {"checkpoint": None, "variant": "small"} if options.random else {}
    model = zoo.load("3D-UNet", backend="torch", **start, **config)
    model.engine.forward({"image": np.zeros((1, 1, 32, 32, 32), np.float32)})
    before = peak_mib()
    network = Watched(model.engine.forward, options.answers)
    model.engine.forward = network
    work = prepare(options.who, model, volume(tuple(options.size)))
    every, around = [], []
    for _ in range(options.repeats):
        network.seconds = 0.0
        started = time.process_time()
        mask = work()
        every.append(time.process_time() - started)
        around.append(every[-1] - network.seconds)
    np.save(options.mask, mask)
    print(statistics.median(every), statistics.median(around), peak_mib() - before, network.windows // options.repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs=3, default=SIZE, help="(d, h, w)")
    parser.add_argument("--window", type=int, nargs=3, help="(d, h, w); the checkpoint's own if left out")
    parser.add_argument("--overlap", type=float, help="[0, 1); the checkpoint's own if left out")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--answers", type=int, default=sys.maxsize, help="windows that the network really sees")
    parser.add_argument("--random", action="store_true", help="random weights instead of the shipped ones")
    parser.add_argument("--who", choices=WHO, help="measure this one here, without a table")
    parser.add_argument("--mask", default="mask.npy", help="where --who leaves its mask")
    options = parser.parse_args()
    if options.who:
        measure(options)
        return
    table = Table("windows by", "processor [s]", "around the network [s]", "above the model [MiB]", "windows")
    masks = []
    with tempfile.TemporaryDirectory() as folder:
        for who in WHO:
            path = Path(folder) / f"{who}.npy"
            command = [sys.executable, __file__, "--who", who, "--mask", str(path), *sys.argv[1:]]
            last = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-4:]
            masks.append(np.load(path))
            table.add_row(who, f"{float(last[0]):.1f}", f"{float(last[1]):.2f}", f"{float(last[2]):.0f}", last[3])
    table.title = f"volume of {options.size}"
    Console().print(table)
    Console().print(f"voxels that differ: {int((masks[0] != masks[1]).sum())} of {masks[0].size}")


if __name__ == "__main__":
    main()
