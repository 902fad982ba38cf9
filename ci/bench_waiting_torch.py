"""Measure what users wait for in PyTorch: overlays, a folder with them, windows, a volume beside MONAI's windows.

Contenders of a table take turns in one run. All of it takes about 8 minutes on two free cores, most of them for
`volume`; OMP_NUM_THREADS says on how many. Tables are Markdown.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as Pillow
from rich import box
from rich.console import Console
from rich.table import Table

import zoo
from zoo.common.answers.classification import Classification
from zoo.common.answers.ellipses import Ellipses
from zoo.common.answers.prediction import Prediction
from zoo.common.answers.segmentation import Segmentation
from zoo.common.errors import ScopeWarning
from zoo.common.types import Image
from zoo.prediction.many import predict_many
from zoo.prediction.sources import images

SIDE, SLICES, ROUNDS = 512, 100, 3
NETWORKS, AT_ONCE = ("3D-UNet", "UNETR"), (1, 2, 4)
VOLUME = (200, 200, 200)
BACKENDS = {"zoo": {"backend": "torch"}, "zoo, OpenVINO": {"backend": "openvino"}}
BACKENDS |= {"zoo, OpenVINO bf16": {"backend": "openvino", "precision": "bf16"}}
MONAI = ("MONAI 1", "MONAI 2", "MONAI 4")  # with so many windows at once, around the plain network
WHO = (*BACKENDS, *MONAI[1:])  # one at once is MONAI's slowest


def table_of(*columns: str, title: str) -> Table:
    """Return an empty table that prints as Markdown."""
    return Table(*columns, title=title, box=box.MARKDOWN)


def least(work: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, tuple[float, float]]:
    """Return the least processor and wall seconds of each contender, after a turn to warm up."""
    found = {name: (float("inf"), float("inf")) for name in work}
    for turn in range(1 + rounds):
        for name, do in work.items():
            used, began = time.process_time(), time.perf_counter()
            do()
            taken = time.process_time() - used, time.perf_counter() - began
            if turn:
                found[name] = min(found[name][0], taken[0]), min(found[name][1], taken[1])
    return found


def answers() -> dict[str, Prediction]:
    """Return an answer of some kinds for one slice."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    grey = ((np.sin(40 * x) + np.cos(33 * y)) * 60 + 128) * (x**2 / 0.16 + y**2 / 0.1 < 1)
    image, heat = Image(grey[None].astype(np.float32), (0.7, 0.7), name="slice.png"), np.exp(-40 * (x**2 + y**2))
    labels = (heat > 0.5).astype(np.uint8)
    ellipse = np.array([[0, 250, 260, 120, 90, 0.3]], np.float32)
    return {
        "classification": Classification(image, ("a", "b"), np.array([0.3, 0.7], np.float32), heat_map=heat),
        "mask": Segmentation(image, ("background", "a"), labels),
        "ellipse": Ellipses(image, ("head",), ellipse, np.array([0.9], np.float32)),
    }


def overlays(place: Path) -> Table:
    """Draw and write an overlay, beside Matplotlib that draws the same sheet."""
    table = table_of("answer", "zoo, ms", "Matplotlib, the same sheet, ms", title="an overlay, processor time")
    files = (place / f"{i}.png" for i in itertools.count())  # as in a folder of results: each a new one
    for name, answer in answers().items():

        def by_matplotlib(answer: Prediction = answer) -> None:
            answer.figure().savefig(next(files))

        taken = least({"zoo": lambda answer=answer: answer.draw(next(files)), "matplotlib": by_matplotlib}, 9)  # type: ignore[misc]
        table.add_row(name, *(f"{1e3 * taken[who][0]:.1f}" for who in ("zoo", "matplotlib")))
    return table


def folder(place: Path) -> Table:
    """Predict a folder of slices, with overlays and without."""
    (place / "in").mkdir()
    pixels = answers()["mask"].image.array[0].astype(np.uint8)
    for i in range(SLICES):
        Pillow.fromarray(np.roll(pixels, i, axis=1)).save(place / "in" / f"{i:03}.png")
    model, source = zoo.load("Covid-ResNet", backend="torch"), [str(p) for p in sorted((place / "in").iterdir())]

    def predict(drawn: bool) -> None:
        predict_many(model, images(source), place / "out", overlays=drawn)
        shutil.rmtree(place / "out")

    taken = least({"without": lambda: predict(False), "with": lambda: predict(True)})
    table = table_of("overlays", "processor, s", "wall, s", "wall, ratio", title=f"{SLICES} slices by {model.name}")
    for name, (used, wall) in taken.items():
        table.add_row(name, f"{used:.2f}", f"{wall:.2f}", f"{wall / taken['without'][1]:.2f}")
    return table


def windows(place: Path) -> Table:
    """Answer for windows, several at once, by the plain network and by the engine."""
    columns = [f"{who}, {n}" for n in AT_ONCE for who in ("plain", "engine")]
    table = table_of("network", *columns, title="a window by the small network, ms of processor time, so many at once")
    for name in NETWORKS:
        model = zoo.load(name, backend="torch", checkpoint=None, variant="small")
        plain, work = copy.deepcopy(model.net).eval(), dict[str, Callable[[], object]]()
        for count in AT_ONCE:
            shape = (count, model.config.input_channels, *model.algorithm.window)
            x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
            (key,) = model.algorithm.preprocess(
                type(model.algorithm).example(model.config, np.random.default_rng(0)).image
            )
            work[f"plain, {count}"] = lambda x=x, plain=plain: _run(plain, x)  # type: ignore[misc]
            work[f"engine, {count}"] = lambda x=x, key=key, model=model: model.engine.forward({key: x})  # type: ignore[misc]
        taken = least(work)
        table.add_row(name, *(f"{1e3 * taken[c][0] / int(c[-1]):.0f}" for c in columns))
    return table


def _run(net: torch.nn.Module, x: np.ndarray) -> Any:
    with torch.inference_mode():
        return net(torch.from_numpy(x))


def volume(size: tuple[int, ...]) -> Table:
    """Segment a volume by the small 3D-UNet, each contender in a process of its own."""
    table = table_of("windows by", "wall, s", "processor, s", "above the model, MiB", title=f"volume of {size}")
    for who in WHO:
        command = [sys.executable, __file__, "volume", "--who", who, "--size", *map(str, size)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        table.add_row(who, *(f"{float(value):.0f}" for value in told[-3:]))
    return table


def measure_volume(who: str, size: tuple[int, ...]) -> None:
    """Print wall and processor seconds, and the memory above the model."""
    from monai.inferers import sliding_window_inference

    warnings.simplefilter("ignore")  # that nobody measured what bf16 costs with drawn weights
    how = BACKENDS.get(who, BACKENDS["zoo"])
    model = zoo.load("3D-UNet", checkpoint=None, variant="small", spacing_mm=(1.0, 1.0, 1.0), **how)
    array = np.random.default_rng(0).standard_normal((1, *size), np.float32)
    image = Image(array, (1.0, 1.0, 1.0), np.eye(4), name="volume")
    overlap, mode = model.algorithm.tiling
    before, used, began = _peak_mib(), time.process_time(), time.perf_counter()
    if who in BACKENDS:
        model.predict(image)
    else:
        tensor = torch.from_numpy(model.algorithm.preprocess(image)["image"])[None]
        at_once, where = int(who.split()[1]), model.algorithm.window
        with torch.inference_mode():
            network = lambda part: model.net(part)["logits"]  # noqa: E731
            scores = sliding_window_inference(tensor, where, at_once, network, overlap, mode, padding_mode="reflect")
            scores.argmax(1)
    print(time.perf_counter() - began, time.process_time() - used, _peak_mib() - before)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", default="all", choices=("all", "overlays", "folder", "windows", "volume"))
    parser.add_argument("--size", type=int, nargs=3, default=VOLUME, help="(d, h, w)")
    parser.add_argument("--who", choices=(*BACKENDS, *MONAI), help="measure this one here, without a table")
    options = parser.parse_args()
    if options.who:
        measure_volume(options.who, tuple(options.size))
        return
    warnings.simplefilter("ignore", ScopeWarning)  # of drawn slices
    parts: dict[str, Callable[[Path], Table]] = {
        "overlays": overlays,
        "folder": folder,
        "windows": windows,
        "volume": lambda place: volume(tuple(options.size)),
    }
    for name, part in parts.items():
        if options.part in (name, "all"):
            with tempfile.TemporaryDirectory() as place:
                Console(width=140).print(part(Path(place)))
    print(f"load {os.getloadavg()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
