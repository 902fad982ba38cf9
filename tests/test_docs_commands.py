"""Every block of README, docs and model cards runs as it is printed, on drawn data; only epochs and repeats are cut."""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw
from safetensors.numpy import save_file
from typer.testing import CliRunner

import zoo
import zoo.benchmark
import zoo.loading
from zoo.cli import app
from zoo.common.recipe import Recipe
from zoo.loading import algorithm_of
from zoo.model import Model
from zoo.registry import load_registry

from .common.dicom_files import write_slice
from .conftest import skip_without
from .test_raw_ct import chest

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
JOURNEYS = sorted((ROOT / "docs" / "journeys").glob("*.md"))
CARDS = sorted((ROOT / "models").rglob("README.md"))
APART = [path for path in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]) if path not in JOURNEYS]
H, W = 64, 96
PICTURES = ("scan.png", "slice.png", "chest.png", "short_axis.png", "frame.png", "frame.jpg", "field.png", "tile.png")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands_in(body: str) -> list[list[str]]:
    return [words[1:] for line in body.splitlines() if (words := shlex.split(line, comments=True))[:1] == ["zoo"]]


def commands(path: Path) -> list[list[str]]:
    return [words for body in FENCE.findall(path.read_text(encoding="utf-8")) for words in commands_in(body)]


def draw(folder: Path, classes: int = 1) -> None:
    """Write eight pictures of a bright ellipse with everything that is known of them: mask, class, place, sex."""
    rng = np.random.default_rng(0)
    lines = ["image,mask,label,split,patient,sex,scanner,pixel_mm,cx,cy,a,b,theta"]
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
        known = f"{i % classes},{split},p{i},{'FM'[i % 2]},{'AB'[i // 2 % 2]},0.5"
        lines.append(f"images/{i}.png,masks/{i}.png,{known},{cx},{cy},{a},{b},0")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")


def draw_study(folder: Path) -> None:
    """Write a CT series of a drawn chest."""
    for i in range(4):
        tags = {"RescaleIntercept": -1024, "RescaleSlope": 1, "SeriesDescription": "Lung 5.0", "PixelSpacing": [8, 8]}
        write_slice(folder / f"{i}.dcm", (chest()[::4, ::4] + 1024).astype(np.uint16), (0, 0, 5 * i), **tags)


def draw_pictures(folder: Path) -> None:
    """Write the single images that cards name: slices, frames, fields, a volume; and pictures with boxes."""
    rng = np.random.default_rng(0)
    grey = np.clip(chest()[::2, ::2] / 8 + 140, 0, 255).astype(np.uint8)
    for name in PICTURES:
        Pillow.fromarray(grey).save(folder / name)
    nibabel.save(
        nibabel.Nifti1Image(rng.uniform(0, 255, (40, 44, 36)).astype(np.float32), np.eye(4)), folder / "scan.nii.gz"
    )
    (folder / "own-boxes" / "images").mkdir(parents=True)
    for i in range(8):
        Pillow.fromarray(grey).save(folder / "own-boxes" / "images" / f"{i}.png")
    lines = ["id,class,x1,y1,x2,y2", *(f"{i},nodule,10,12,30,34" for i in range(8))]
    (folder / "own-boxes" / "boxes.csv").write_text("\n".join(lines))


def draw_volumes(folder: Path) -> None:
    """Write volumes with masks."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for i in range(6):
        mask = np.zeros((44, 44, 36), np.uint8)
        mask[10:30, 10 + i : 34, 8:24] = 1
        values = (mask * 90 + np.random.default_rng(i).normal(0, 9, mask.shape)).astype(np.float32)
        for part, content in (("images", values), ("masks", mask)):
            nibabel.save(nibabel.Nifti1Image(content, np.eye(4)), folder / part / f"v{i}.nii.gz")


def draw_challenge(folder: Path) -> None:
    """Write what a challenge of scans is scored from."""
    (folder / "out").mkdir()
    head = "seriesuid,coordX,coordY,coordZ"
    (folder / "out" / "submission_luna16.csv").write_text(f"{head},probability\n1.2.3,1,2,3,0.9\n")
    for name in ("annotations.csv", "annotations_excluded.csv"):
        (folder / name).write_text(f"{head},diameter_mm\n1.2.3,1,2,3,6\n")


def draw_example(package: str, folder: Path) -> None:
    """Write what the algorithm of a card draws, under the names that cards use."""
    (entry,) = (entry for entry in load_registry(ROOT / "registry.yaml").values() if entry.package == package)
    algorithm = algorithm_of(entry, "small")
    array = type(algorithm).example(algorithm.config, np.random.default_rng(0)).image.array
    if array.ndim == 3:
        values = np.clip(np.rint(np.moveaxis(array, 0, -1)), 0, 255).astype(np.uint8).squeeze()
        for name in PICTURES:
            Pillow.fromarray(values).save(folder / name)


def draw_hearts(folder: Path) -> None:
    """Write what methods learn from: images without a mask, scribbles (255 is unknown), masks that may be wrong."""
    for name in ("heart", "scribbles", "noisy"):
        draw(folder / name)
        (folder / name / "manifest.csv").unlink()
        (folder / name / "classes.txt").write_text("background\nleft ventricle\n")
        parts = ["train"] * 4 + ["unlabelled" if name == "heart" else "train"] * 2 + ["val"] * 2
        splits = [f"{i},{part},p{i}" for i, part in enumerate(parts)]
        (folder / name / "split.csv").write_text("\n".join(["id,split,group", *splits]))
    for i in (4, 5):
        (folder / "heart" / "masks" / f"{i}.png").unlink()
    for i in range(6):
        path = folder / "scribbles" / "masks" / f"{i}.png"
        mask = np.array(Pillow.open(path))
        mask[:, ::2] = 255
        Pillow.fromarray(mask).save(path)


def draw_weights(path: Path) -> None:
    """Write weights as another program names them."""
    weights = zoo.loading.load("Covid-ResNet", checkpoint=None).engine.weights()
    save_file({f"module.{name}": value for name, value in weights.items()}, path)


def text_of(document: Path, place: Path) -> str:
    """Read a document, and write what takes long to draw, where it is named."""
    text = document.read_text(encoding="utf-8")
    if "/path/to/data" in text:
        draw_volumes(place / "volumes")
    if document in CARDS:
        draw_example(document.parent.name, place)
    if "heart/" in text:
        draw_hearts(place)
    if "submission_luna16" in text:
        draw_challenge(place)
    if "weights.safetensors" in text:
        draw_weights(place / "weights.safetensors")
    return text


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
    draw_pictures(tmp_path)
    full = Model.recipe

    def short(self: Model, **changes: object) -> Recipe:
        return dataclasses.replace(full(self, **changes), epochs=1, repeats=1)

    monkeypatch.setattr(Model, "recipe", short)
    load = zoo.loading.load

    def small(name: str, **how: Any) -> Model:
        if how.get("init") is not None:  # published weights are not on this machine: random ones stand in
            how = {**how, "init": None, "checkpoint": None}
        fresh = "checkpoint" in how and how["checkpoint"] is None
        return load(name, **{**how, **({"variant": "tiny"} if fresh else {})})

    monkeypatch.setattr(zoo, "load", small, raising=False)
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


def run_command(words: list[str]) -> None:
    """Run a command of the zoo as a shell would."""
    if words[0] == "compare" and not Path(words[2]).exists():
        shutil.copytree(words[1], words[2])  # scores of another model
    done = CliRunner().invoke(app, words)

    assert done.exit_code == 0, f"zoo {shlex.join(words)}\n{done.output}"


def run_python(body: str, names: dict[str, object], place: Path) -> None:
    """Run a block with the names that the blocks before it left."""
    volumes = place / "volumes"
    exec(compile(body.replace("/path/to/data", str(volumes)), "block", "exec"), names)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("document", [path for path in APART if commands(path)], ids=named)
def test_every_command_runs_as_it_is_printed(document: Path, place: Path) -> None:
    text_of(document, place)
    for words in commands(document):
        run_command(words)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("document", [path for path in (*APART, *CARDS) if "```python" in path.read_text()], ids=named)
def test_every_python_block_runs_as_it_is_printed(document: Path, place: Path) -> None:
    names: dict[str, object] = {"zoo": zoo, "all_scans": ["1.2.3"]}
    for language, body in BLOCK.findall(text_of(document, place)):
        if language == "python":
            run_python(body, names, place)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("document", JOURNEYS, ids=named)
def test_a_journey_goes_from_its_first_block_to_its_last(document: Path, place: Path) -> None:
    if document.stem == "frameworks":
        skip_without("mindspore")
    names: dict[str, object] = {}
    for language, body in BLOCK.findall(text_of(document, place)):
        if language == "python":
            run_python(body, names, place)
        for words in commands_in(body) if language == "sh" else ():
            run_command(words)
