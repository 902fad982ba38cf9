"""Every command of README and docs runs as it is printed, on drawn data; only epochs and repeats are cut."""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw
from safetensors.numpy import save_file
from typer.testing import CliRunner

import zoo
import zoo.benchmark
from zoo.cli import app
from zoo.common.recipe import Recipe
from zoo.model import Model

from .common.dicom_files import write_slice
from .test_raw_ct import chest

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
H, W = 64, 96


def commands(path: Path) -> list[list[str]]:
    lines = [line for body in FENCE.findall(path.read_text(encoding="utf-8")) for line in body.splitlines()]
    return [words[1:] for line in lines if (words := shlex.split(line, comments=True))[:1] == ["zoo"]]


def draw(folder: Path, classes: int = 1) -> None:
    """Write eight pictures of a bright ellipse with everything that is known of them: mask, class, place, sex."""
    rng = np.random.default_rng(0)
    lines = ["image,mask,label,split,patient,sex,scanner,cx,cy,a,b,theta"]
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for i in range(8):
        cx, cy, a, b = 48 + i, 32, 22 + i % 3, 16
        mask = Pillow.new("L", (W, H))
        ImageDraw.Draw(mask).ellipse((cx - a, cy - b, cx + a, cy + b), fill=1)
        values = np.clip(60 + 120 * np.array(mask) + rng.normal(0, 9, (H, W)), 0, 255).astype(np.uint8)
        Pillow.fromarray(values).save(folder / "images" / f"{i}.png")
        mask.save(folder / "masks" / f"{i}.png")
        split = ("train", "train", "train", "train", "val", "val", "test", "test")[i]
        known = f"{i % classes},{split},p{i},{'FM'[i % 2]},{'AB'[i // 2 % 2]}"
        lines.append(f"images/{i}.png,masks/{i}.png,{known},{cx},{cy},{a},{b},0")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")


def draw_study(folder: Path) -> None:
    """Write a CT series of a drawn chest."""
    for i in range(4):
        tags = {"RescaleIntercept": -1024, "RescaleSlope": 1, "SeriesDescription": "Lung 5.0", "PixelSpacing": [8, 8]}
        write_slice(folder / f"{i}.dcm", (chest()[::4, ::4] + 1024).astype(np.uint16), (0, 0, 5 * i), **tags)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write what the documents name, and let runs be short."""
    for name in ("my_scans", "my_data", "hc18"):
        draw(tmp_path / name)
    draw(tmp_path / "slices", classes=2)
    for name in ("study", "studies/first"):
        draw_study(tmp_path / name)
    for name, part in (("scans", "images"), ("drawn", "masks")):
        shutil.copytree(tmp_path / "my_data" / part, tmp_path / name)
    weights = zoo.load("Covid-ResNet", checkpoint=None).engine.weights()
    save_file({f"module.{name}": value for name, value in weights.items()}, tmp_path / "weights.safetensors")
    full = Model.recipe

    def short(self: Model, **changes: object) -> Recipe:
        return dataclasses.replace(full(self, **changes), epochs=1, repeats=1)

    monkeypatch.setattr(Model, "recipe", short)
    quick = partial(zoo.benchmark.benchmark)
    monkeypatch.setattr(
        zoo.benchmark,
        "benchmark",
        lambda name, **more: quick(
            name, **{**more, "backends": ["torch"], "variant": "tiny", "repeats": 3, "threads": 1}
        ),
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("document", [path for path in DOCUMENTS if commands(path)], ids=lambda path: path.name)
def test_every_command_runs_as_it_is_printed(document: Path, place: Path) -> None:
    for words in commands(document):
        if words[0] == "compare" and not Path(words[2]).exists():
            shutil.copytree(words[1], words[2])  # scores of another model
        done = CliRunner().invoke(app, words)

        assert done.exit_code == 0, f"zoo {shlex.join(words)}\n{done.output}"
