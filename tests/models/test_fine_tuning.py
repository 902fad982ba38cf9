"""Every shipped network learns other classes, from Python and from the shell, and keeps nothing of the old ones."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image as Pillow
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.common.errors import HeadReinitialisedWarning, ZooWarning
from zoo.registry import load_registry
from zoo.training.folder import RunFolder

SHIPPED = [name for name, entry in load_registry().items() if entry.checkpoints]
ONE_PER_TASK = list({load_registry()[name].task: name for name in SHIPPED}.values())
COUNTS = (2, 3, 5)  # of classes; the shipped networks take turns
SPLITS = ("train", "train", "train", "train", "val", "val")  # two batches of two, then one validation
SIDE = 64
WORDS = ("ore", "slate", "chalk", "marl", "loam")  # names of classes that no checkpoint has
MOST = {"instance-segmentation": 1}  # classes that a task has: a map of objects counts one kind
PAIRS = ("WeaklyLesionLocalisation",)  # learn what one class has and the other has not


def most_classes(name: str) -> int:
    """Return how many classes an algorithm can tell apart at most."""
    return 2 if name in PAIRS else MOST.get(load_registry()[name].task, len(WORDS))


def write_data(root: Path, name: str, count: int) -> tuple[str, ...]:
    """Draw a manifest with `count` classes, or as many as there can be, for an algorithm; return all their names."""
    entry = load_registry()[name]
    count = min(count, most_classes(name))
    draw = {
        "classification": draw_labels,
        "localisation": draw_labels,
        "classification-segmentation": draw_outlined,
        "segmentation": draw_masks,
        "ellipse-detection": draw_ellipses,
        "detection": draw_boxes,
        "point-detection": draw_points,
        "instance-segmentation": draw_objects,
    }
    lines = draw[entry.task](root, count, entry.input.dimensions)
    classes = (("background",) if entry.task == "segmentation" else ()) + WORDS[:count]
    (root / "classes.txt").write_text("\n".join(classes) + "\n")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")
    return classes


def draw_labels(root: Path, count: int, axes: int) -> list[str]:
    lines = ["image,label,split,group"]
    for number, split in enumerate((*SPLITS, *["val"] * count)):
        picture = np.random.default_rng(number).integers(1, 120 + 20 * (number % count), (SIDE, SIDE), dtype=np.uint8)
        Pillow.fromarray(picture).save(root / f"{number}.png")
        lines.append(f"{number}.png,{WORDS[number % count]},{split},p{number}")
    return lines


def draw_outlined(root: Path, count: int, axes: int) -> list[str]:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[8:30, 10:40] = 1
    Pillow.fromarray(mask).save(root / "outline.png")
    header, *lines = draw_labels(root, count, axes)
    return [f"{header},mask", *(f"{line},outline.png" for line in lines)]


def draw_masks(root: Path, count: int, axes: int) -> list[str]:
    lines = ["image,mask,split,group"]
    for number, split in enumerate(SPLITS):
        mask = np.zeros((SIDE,) * axes if axes == 2 else (16, 24, 24), np.uint8)
        for index, rows in enumerate(np.array_split(np.arange(4, mask.shape[-2] - 4), count)):
            mask[..., rows, 4:-4] = index + 1
        noise = np.random.default_rng(number).integers(0, 20, mask.shape)
        suffix = "png" if axes == 2 else "nii.gz"
        for kind, values in (("image", (mask * 30 + noise).astype(np.uint8)), ("mask", mask)):
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(root / f"{kind}{number}.{suffix}"))
        lines.append(f"image{number}.{suffix},mask{number}.{suffix},{split},p{number}")
    return lines


def draw_ellipses(root: Path, count: int, axes: int) -> list[str]:
    lines = ["image,label,cx,cy,a,b,theta,split,group"]
    for number, split in enumerate(SPLITS):
        picture = np.random.default_rng(number).integers(0, 255, (SIDE, SIDE), dtype=np.uint8)
        Pillow.fromarray(picture).save(root / f"{number}.png")
        lines += [
            f"{number}.png,{k},{20 + 5 * k},30,{25 - 3 * k},{20 - 3 * k},0.3,{split},p{number}" for k in range(count)
        ]
    return lines


def draw_boxes(root: Path, count: int, axes: int) -> list[str]:
    return ["image,label,x1,y1,x2,y2,split,group", *draw_things(root, count, "{0},{1},{2},{3}")]


def draw_points(root: Path, count: int, axes: int) -> list[str]:
    return ["image,label,x,y,split,group", *draw_things(root, count, "{0},{1}")]


def draw_objects(root: Path, count: int, axes: int) -> list[str]:
    lines = ["image,instances,split,group"]
    for number, split in enumerate(SPLITS):
        objects = np.zeros((SIDE, SIDE), np.uint8)
        for k in range(3):
            objects[8 + 18 * k : 20 + 18 * k, 10 : 30 + 5 * k] = k + 1
        noise = np.random.default_rng(number).integers(0, 60, (SIDE, SIDE, 3))
        Pillow.fromarray(((objects[..., None] > 0) * 150 + noise).astype(np.uint8)).save(root / f"{number}.png")
        Pillow.fromarray(objects).save(root / f"objects{number}.png")
        lines.append(f"{number}.png,objects{number}.png,{split},p{number}")
    return lines


def draw_things(root: Path, count: int, place: str) -> list[str]:
    lines = []
    for number, split in enumerate(SPLITS):
        picture = np.random.default_rng(number).integers(0, 255, (SIDE, SIDE), dtype=np.uint8)
        Pillow.fromarray(picture).save(root / f"{number}.png")
        corners = [(4 + 11 * k, 20, 12 + 11 * k, 28) for k in range(count)]
        lines += [f"{number}.png,{k},{place.format(*corners[k])},{split},p{number}" for k in range(count)]
    return lines


def check(model: zoo.Model, run: Path, classes: tuple[str, ...]) -> None:
    """Assert that the run ended, and that its checkpoint says what the model is."""
    assert RunFolder(run).records()[-1]["event"] == "end"
    again = zoo.load(model.name, backend=model.backend, checkpoint=run / "best.safetensors")
    assert again.config == model.config
    assert again.config.classes == classes
    threshold = getattr(again.config, "threshold", 0.5)
    is_chosen = len(classes) == 2 or model.entry.task in ("detection", "point-detection", "instance-segmentation")
    assert threshold == 0.5 or is_chosen  # anew


def fine_tune(name: str, framework: str, count: int, tmp_path: Path) -> None:
    classes = write_data(tmp_path, name, count)
    model = zoo.load(name, backend=framework, device="cpu")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZooWarning)
        model.train(tmp_path, out=tmp_path / "run", epochs=1, batch_size=2, patience=1)

    check(model, tmp_path / "run", classes)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_network_learns_three_other_classes(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")

    fine_tune(name, "torch", 3, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE_PER_TASK)  # which weights start anew is decided in NumPy, for both frameworks
def test_shipped_network_learns_other_classes_in_mindspore(name: str, tmp_path: Path) -> None:
    pytest.importorskip("mindspore")

    fine_tune(name, "mindspore", 3, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [(name, COUNTS[i % 3]) for i, name in enumerate(SHIPPED)])
def test_shell_teaches_a_shipped_network_other_classes(name: str, count: int, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    classes = write_data(tmp_path, name, count)
    options = {"--data": tmp_path, "--out": tmp_path / "run", "--epochs": 1, "--batch-size": 2}
    arguments = [str(word) for pair in options.items() for word in pair]

    result = CliRunner().invoke(app, ["train", name, "--backend", "torch", "--device", "cpu", *arguments])

    assert result.exit_code == 0, result.output
    check(zoo.load(name, backend="torch", checkpoint=tmp_path / "run" / "best.safetensors"), tmp_path / "run", classes)


@pytest.mark.parametrize(
    "name", [name for name in SHIPPED if name not in PAIRS]
)  # the head of those is no part of a file
def test_other_classes_reset_what_held_for_the_old_ones(name: str) -> None:
    with pytest.warns(HeadReinitialisedWarning):  # two for two: every weight would fit, and mean something else
        model = zoo.load(name, classes=("first", "second", "third")[: len(zoo.load(name).config.classes)])

    fresh = type(model.config)()
    for field in model.algorithm.of_classes:
        assert getattr(model.config, field) == getattr(fresh, field)


@pytest.mark.parametrize("name", list(load_registry()))
def test_what_a_run_chooses_belongs_to_the_classes(name: str) -> None:
    model = zoo.load(name, checkpoint=None, variant="tiny")
    samples = [type(model.algorithm).example(model.config, np.random.default_rng(seed)) for seed in range(6)]

    predict = model.algorithm.baseline(samples)
    rows = [model.algorithm.score(predict(sample.image), sample) for sample in samples]

    assert set(model.algorithm.operating_point(rows)) <= set(model.algorithm.of_classes)
