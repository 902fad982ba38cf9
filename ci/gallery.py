"""Draw the gallery: what each algorithm's shipped weights answer on its own drawn example; and README's three pictures.

python ci/gallery.py [NAME ...] writes docs/gallery/*.jpg and, for all of them, docs/gallery.md.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from zoo.common.answers.prediction import Prediction
from zoo.common.plotting.panel import PANEL_IN
from zoo.common.plotting.sheet import DPI
from zoo.demo import example
from zoo.loading import load
from zoo.registry import Entry, load_registry

ROOT = Path(__file__).resolve().parent.parent
FOLDER, PAGE = ROOT / "docs" / "gallery", ROOT / "docs" / "gallery.md"
SEEDS = {"Covid-ResNet": 2, "Covid-Transformer": 2, "LOD-Net": 2, "Han-Net": 2, "MTCSN": 1, "TS-CAM": 0}  # else 0
WIDTH_PX, HEIGHT_PX, QUALITY = 900, 360, 80  # of a gallery picture; of one of README
FRONT = {"EllipseNet": 1, "LOD-Net": 2, "Han-Net": 2}  # in README: the last of so many pictures beside each other
GAP_IN = 0.3  # beside the panel of words
HEAD = """# Gallery

What the shipped weights answer, each on an image that its own algorithm draws (`algorithm.example`), because pictures
of patients are not the zoo's to give away. `python ci/gallery.py` makes the pictures and this page. **A drawing is no
test**: it shows what an answer looks like; how good the answers are stands in the [model cards](models.md). Where a
drawing is unlike the images of the training, the answer says so, in the picture too. Figures are those of the test
split, in brackets what a trivial answer reaches on the same cases.
"""


@dataclass(frozen=True)
class Shown:
    """An entry with the picture of its answer."""

    entry: Entry
    answer: Prediction
    picture: Pillow.Image


def shown(entry: Entry) -> Shown:
    """Load the default weights, draw the example, predict it."""
    model = load(entry.name, backend="torch")
    if entry.name in FRONT and FRONT[entry.name] == 1:
        image = example()[0]  # that of `make demo`
    else:
        image = type(model.algorithm).example(model.config, np.random.default_rng(SEEDS.get(entry.name, 0))).image
    answer = model.predict(replace(image, name="drawn example"))
    if not isinstance(answer, Prediction):
        raise TypeError(f"{entry.name}: {len(answer)} answers for one image")
    return Shown(entry, answer, answer.plot().convert("RGB"))


def gallery_picture(picture: Pillow.Image) -> Pillow.Image:
    """Shrink an overlay to the width of the gallery."""
    return picture.resize((WIDTH_PX, round(picture.height * WIDTH_PX / picture.width)), Pillow.Resampling.LANCZOS)


def front_picture(picture: Pillow.Image, pictures: int) -> Pillow.Image:
    """Cut the last of the pictures out of an overlay, without the panel of words."""
    width = picture.width - round((PANEL_IN + GAP_IN / 2) * DPI)
    cut = picture.crop((round(width * (1 - 1 / pictures)), 0, width, picture.height))
    return cut.resize((round(cut.width * HEIGHT_PX / cut.height), HEIGHT_PX), Pillow.Resampling.LANCZOS)


def section(one: Shown) -> str:
    """Describe one picture for the page."""
    entry, answer = one.entry, str(one.answer).partition(": ")[2] or str(one.answer)
    outside = "\n\nOut of scope: " + "; ".join(one.answer.out_of_scope) + "." if one.answer.out_of_scope else ""
    checkpoint = entry.default_checkpoint
    told = f"weights `{checkpoint.name}`, trained on {checkpoint.dataset.name}" if checkpoint else "no weights"
    return (
        f"## {entry.name}\n\n{entry.summary} [Model card](../models/{entry.package}/README.md); {told}.\n\n"
        f"![{entry.name}: {answer}](gallery/{entry.package}.jpg)\n\nAnswer: {answer}.{outside}{measured(entry)}\n"
    )


def measured(entry: Entry) -> str:
    """Tell what the default weights reach, beside what is trivial."""
    checkpoint = entry.default_checkpoint
    if checkpoint is None:
        return ""
    figures, trivial = next(iter(checkpoint.metrics.values()), {}), checkpoint.to_beat
    told = [f"{name} {v:.4g}{f' ({trivial[name][0]:.4g})' if name in trivial else ''}" for name, v in figures.items()]
    return f"\n\nTest split: {', '.join(told)}; to beat: {'; '.join(checkpoint.baselines)}."


def save(picture: Pillow.Image, name: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    picture.save(FOLDER / f"{name}.jpg", quality=QUALITY, optimize=True, progressive=True)


def main() -> int:
    """Draw the named entries, or all of them and the page."""
    registry = load_registry(ROOT / "registry.yaml")
    asked = sys.argv[1:] or list(registry)
    sections = []
    for name in asked:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # out of scope: the picture and the page say it
            one = shown(registry[name])
        save(gallery_picture(one.picture), one.entry.package)
        if name in FRONT:
            save(front_picture(one.picture, FRONT[name]), f"front_{one.entry.package}")
        sections.append(section(one))
        print(f"{name}: {one.answer}")
    if asked == list(registry):
        PAGE.write_text("\n".join([HEAD, *sections]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
