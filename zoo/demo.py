"""Find an ellipse in the example image with every installed framework, and compare their answers (`make demo`)."""

from __future__ import annotations

import importlib.resources
import json
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from zoo.cli.output import print_table
from zoo.common.answers.ellipses import Ellipses
from zoo.common.ellipses.biometry import measure
from zoo.common.errors import BackendError, ZooError
from zoo.common.io import read_image
from zoo.common.numbers import name_and_unit
from zoo.common.types import Image
from zoo.engines.backends import PACKAGES, installed
from zoo.loading import load
from zoo.registry import find
from zoo.registry.package import Package

ALGORITHM = "EllipseNet"
CLASSES = ("head",)
OVERLAY = Path("demo/ellipsenet.png")
RUNS = 10  # timed predictions per framework, after one that compiles and allocates
TITLES = {"torch": "PyTorch", "mindspore": "MindSpore"}


@dataclass(frozen=True)
class Answer:
    """What one framework said, and how long it took."""

    framework: str
    device: str
    prediction: Ellipses
    ms: float  # median of one prediction, from the image in memory to the ellipse


def example() -> tuple[Image, np.ndarray]:
    """Read the bundled synthetic image and the outer edge (1, 6) of its skull, which the algorithm is to find."""
    folder = importlib.resources.files(Package(find(ALGORITHM)).module)
    facts = json.loads(folder.joinpath("example.json").read_text(encoding="utf-8"))
    with importlib.resources.as_file(folder.joinpath("example.png")) as path:
        image = replace(read_image(path, tuple(facts["spacing_mm"])), name="example.png")
    return image, np.array(facts["outer_edge"], np.float64)


def answer(framework: str, image: Image, checkpoint: str | None = "default", variant: str | None = None) -> Answer:
    """Load the algorithm in one framework and predict."""
    model = load(ALGORITHM, backend=framework, checkpoint=checkpoint, variant=variant)
    prediction = model.predict(image)
    times_ms = []
    for _ in range(RUNS):
        started = time.perf_counter()
        model.predict(image)
        times_ms.append(1000 * (time.perf_counter() - started))
    if not isinstance(prediction, Ellipses):
        raise ZooError(f"{ALGORITHM} answered with {type(prediction).__name__}; expected ellipses. Reinstall the zoo")
    return Answer(framework, model.device, prediction, statistics.median(times_ms))


def difference(first: Ellipses, second: Ellipses) -> float:
    """Return the largest difference in any number of the ellipses [px, rad]; inf when their counts differ."""
    if first.ellipses.shape != second.ellipses.shape:
        return float("inf")
    return float(np.abs(first.ellipses - second.ellipses).max(initial=0.0))


def table(answers: list[Answer], truth: Ellipses) -> Table:
    """Set the answers beside the outer edge of the skull that the example was drawn with."""
    measured = list(truth.measurements)
    heads = [f"{name} ({unit})" for name, unit in map(name_and_unit, measured)]
    drawn = Table(title=f"{ALGORITHM} on {truth.image.name}", title_justify="left")
    for name in ("framework", "device", "ellipse: centre, semi-axes (px), angle", *heads, "ms", "difference"):
        drawn.add_column(name, justify="left" if name in ("framework", "device") else "right", no_wrap=True)
    for one in answers:
        apart = difference(answers[0].prediction, one.prediction)
        told = "" if one is answers[0] else f"{apart:.1e}"
        drawn.add_row(TITLES[one.framework], one.device, *cells(one.prediction, measured), f"{one.ms:.1f}", told)
    drawn.add_section()
    drawn.add_row("drawn", "", *cells(truth, measured), "", "")
    return drawn


def cells(prediction: Ellipses, measured: list[str]) -> list[str]:
    """Format an ellipse and its measurements."""
    found = [f"({x:.1f}, {y:.1f}), {a:.1f} x {b:.1f}, {np.degrees(t):.1f}°" for _, x, y, a, b, t in prediction.ellipses]
    values = [prediction.measurements.get(name, float("nan")) for name in measured]
    return ["\n".join(found) or "none found", *(f"{value:.1f}" for value in values)]


def main() -> int:
    """Run the demonstration; return the exit code."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    try:
        frameworks = installed()
        if not frameworks:
            raise BackendError(f"no framework is installed; pip install '{PACKAGES['torch']}'")
        image, ellipses = example()
        answers = [answer(framework, image) for framework in frameworks]
    except ZooError as error:
        console.print(f"demo: {error}", style="bold red", markup=False, highlight=False)
        return 1
    measurements = measure(ellipses, CLASSES, image.spacing_mm)
    shown = table(answers, Ellipses(image, CLASSES, ellipses, np.ones(len(ellipses)), measurements))
    print_table(shown) if console.is_terminal else console.print(shown)
    apart = max(difference(answers[0].prediction, one.prediction) for one in answers)
    console.print("drawn: the outer edge of the skull in the picture, which is what the circumference means")
    console.print(f"largest difference between the frameworks: {apart:.1e} (px, rad)", highlight=False)
    console.print(f"overlay: {answers[0].prediction.save(OVERLAY).resolve()}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
