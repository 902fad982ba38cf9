"""Names of classes and tissues of MTCSN beside those of data and weights: another order, other names, none."""

from __future__ import annotations

import csv
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import zoo
from zoo.common.datasets import open_dataset
from zoo.common.errors import DataError, HeadReinitialisedWarning, ZooWarning
from zoo.models.mtcsn.endoscope import draw_frame

GRADES = ("clear", "partly_obscured", "unusable")
TISSUES = ("outside", "mucosa", "obscured", "lesion")
SPLITS = ("train", "val", "test")


def write_frames(root: Path, tissues: tuple[str, ...] = TISSUES, grades: tuple[str, ...] = GRADES) -> Path:
    """Draw nine frames, their grades by name, their tissues counted in the order of `tissues`."""
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    rows = [("id", "label", "split")]
    for i in range(9):
        frame = draw_frame((64, 64), 3, 4, 3, np.random.default_rng(i))
        colours = np.clip(np.moveaxis(frame.image.array, 0, -1), 0, 255).astype(np.uint8)
        numbers = np.array([tissues.index(name) for name in TISSUES], np.uint8)[frame.labels["mask"]]
        Pillow.fromarray(colours).save(root / "images" / f"{i}.png")
        Pillow.fromarray(numbers).save(root / "masks" / f"{i}.png")
        rows.append((str(i), GRADES[int(frame.labels["label"])], SPLITS[i % 3]))
    with (root / "split.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    (root / "classes.txt").write_text("\n".join(grades))
    (root / "mask_classes.txt").write_text("\n".join(tissues))
    return root


def tiny(**changes: object) -> zoo.Model:
    return zoo.load("MTCSN", backend="torch", checkpoint=None, variant="tiny", **changes)


def test_the_order_of_grades_and_tissues_does_not_change_the_scores(tmp_path: Path) -> None:
    model = tiny()
    expected = model.evaluate(write_frames(tmp_path / "a"))

    with pytest.warns(ZooWarning, match="renumbered to the model's outside, mucosa, obscured, lesion"):
        tissues = model.evaluate(write_frames(tmp_path / "b", tissues=("lesion", "outside", "mucosa", "obscured")))
    with pytest.warns(ZooWarning, match="renumbered to the model's clear, partly_obscured, unusable"):
        grades = model.evaluate(write_frames(tmp_path / "c", grades=GRADES[::-1]))

    assert tissues.metrics == pytest.approx(expected.metrics, nan_ok=True)
    assert tissues.baseline == pytest.approx(expected.baseline, nan_ok=True)
    assert grades.metrics == pytest.approx(expected.metrics, nan_ok=True)


def test_other_tissues_are_refused_by_their_names(tmp_path: Path) -> None:
    data, model = write_frames(tmp_path / "data"), tiny(tissues=("outside", "mucosa", "foam", "lesion"))

    for refused in (lambda: model.evaluate(data), lambda: model.train(data, out=tmp_path / "run", epochs=1)):
        with pytest.raises(DataError, match=r"Missing: foam; too many: obscured.*tissues="):
            refused()


def test_the_list_of_grades_says_nothing_of_the_masks(tmp_path: Path) -> None:
    (root := write_frames(tmp_path / "data")).joinpath("mask_classes.txt").unlink()

    data = open_dataset(root, ("label", "mask"))

    assert data.classes == GRADES and not data.counted
    assert max(int(sample.labels["mask"].max()) for sample in data) == 3


def test_boxes_beside_the_masks_do_not_name_what_lies_around_them(tmp_path: Path) -> None:
    (root := write_frames(tmp_path / "data")).joinpath("mask_classes.txt").unlink()
    (root / "classes.txt").unlink()
    images = [{"id": i, "file_name": f"{i}.png", "width": 64, "height": 64} for i in range(9)]
    boxes = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "lesion"}]}
    (root / "boxes.json").write_text(json.dumps(boxes))

    assert not open_dataset(root, ("label", "mask")).counted


@pytest.mark.parametrize("tissues", [("lesion", "outside", "mucosa", "obscured"), ("mucosa", "polyp")])
def test_other_tissues_start_what_counts_them_anew(tissues: tuple[str, ...], framework: str, tmp_path: Path) -> None:
    path = tiny(seed=1).save(tmp_path / "a.safetensors")
    before = zoo.load("MTCSN", backend=framework, checkpoint=path).engine.weights()

    with pytest.warns(HeadReinitialisedWarning, match=r"cd_hidden.bias, .*seg_head.weight; train before use"):
        after = zoo.load("MTCSN", backend=framework, checkpoint=path, tissues=tissues).engine.weights()

    same = {n for n in before if before[n].shape == after[n].shape and np.array_equal(before[n], after[n])}
    assert {name.split(".")[0] for name in set(before) - same} == {"cd_hidden", "seg_head"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        zoo.load("MTCSN", backend=framework, checkpoint=path, tissues=TISSUES)


@pytest.mark.parametrize("classes", [None, ("normal", "bleeding"), ("bleeding", "normal")])
def test_a_frame_called_normal_needs_no_mask_whatever_its_number(classes: tuple[str, ...], tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    rows = ["id,label,split"]
    for i, name in enumerate(("normal", "bleeding", "normal", "bleeding")):
        Pillow.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(tmp_path / "images" / f"{i}.png")
        if name == "bleeding":
            Pillow.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / "masks" / f"{i}.png")
        rows.append(f"{i},{name},train")
    (tmp_path / "split.csv").write_text("\n".join(rows))
    if classes:
        (tmp_path / "classes.txt").write_text("\n".join(classes))

    data = open_dataset(tmp_path, ("label", "mask"))

    found = [(data.classes[int(sample.labels["label"])], int(sample.labels["mask"].sum())) for sample in data]
    assert found == [("normal", 0), ("bleeding", 8)] * 2
