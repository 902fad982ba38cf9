"""Boxes in YOLO's and Pascal VOC's layouts, and regions that do not count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.datasets import open_dataset
from zoo.common.errors import DataError


def picture(path: Path, size: tuple[int, int] = (40, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.zeros(size[::-1], np.uint8)).save(path)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


FLAT = ("images/{split}/{name}.png", "labels/{split}/{name}.txt")
NESTED = ("{split}/images/{name}.png", "{split}/labels/{name}.txt")
COCO = '{"images": [%s], "categories": [{"id": 1, "name": "nodule"}], "annotations": []}'
CORNERS = "<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"
OBJECT = f"<object><name>{{}}</name><difficult>{{}}</difficult><bndbox>{CORNERS}</bndbox></object>"


@pytest.mark.parametrize("shape", [FLAT, NESTED], ids=["flat", "nested"])
def test_lines_of_shares_become_boxes_in_pixels(tmp_path, shape):
    image, label = shape
    for split in ("train", "valid", "test"):
        picture(tmp_path / image.format(split=split, name="a"))
        picture(tmp_path / image.format(split=split, name="empty"))
        write(tmp_path / label.format(split=split, name="a"), "1 0.5 0.5 0.5 0.2\n\n0 0.1 0.5 0.1 0.1 0.87\n")
    write(tmp_path / "data.yaml", "names: {0: cell, 1: nodule}\n")

    data = open_dataset(tmp_path, "detection")

    assert data.classes == ("cell", "nodule")
    assert {record.split for record in data.records} == {"train", "val", "test"}
    boxes = {record.name: record.load().labels["boxes"] for record in data.split("val").records}
    np.testing.assert_allclose(boxes["val/a"], [[1, 10, 8, 30, 12], [0, 2, 9, 6, 11]])
    assert boxes["val/empty"].shape == (0, 5)


@pytest.mark.parametrize(
    "line",
    [
        "0 0.5 0.5 0.5",
        "0 0.5 0.5 1.5 0.1",
        "x 0.5 0.5 0.1 0.1",
        "0.5 0.5 0.5 0.1 0.1",
        "2 0.5 0.5 0.1 0.1",
    ],
)
def test_wrong_lines_are_refused_by_their_place(tmp_path, line):
    for name in "abc":
        picture(tmp_path / "images" / f"{name}.png")
    write(tmp_path / "labels" / "a.txt", f"0 0.5 0.5 0.1 0.1\n{line}\n")
    write(tmp_path / "classes.txt", "cell\nnodule\n")

    with pytest.raises(DataError, match=r"a\.txt"):
        open_dataset(tmp_path, "detection", layout="yolo").records[0].load()


def test_lines_without_a_picture_are_refused(tmp_path):
    picture(tmp_path / "images" / "a.png")
    write(tmp_path / "labels" / "b.txt", "0 0.5 0.5 0.1 0.1\n")

    with pytest.raises(DataError, match=r"b\.txt"):
        open_dataset(tmp_path, "detection", layout="yolo")


def voc(root: Path) -> None:
    for name, objects in (("a", [("WBC", 0, 1, 1, 40, 20), ("RBC", 1, 5, 6, 8, 9)]), ("b", [])):
        picture(root / "JPEGImages" / f"{name}.jpg")
        body = "".join(OBJECT.format(*values) for values in objects)
        write(root / "Annotations" / f"{name}.xml", f"<annotation>{body}</annotation>")


def test_corners_of_voc_count_from_one_and_lie_inside(tmp_path):
    voc(tmp_path)
    write(tmp_path / "ImageSets" / "Main" / "train.txt", "a\n")
    write(tmp_path / "ImageSets" / "Main" / "test.txt", "b\n")

    data = open_dataset(tmp_path, "detection")
    sample = data.split("train")[0]

    assert data.classes == ("RBC", "WBC")
    np.testing.assert_allclose(sample.labels["boxes"], [[1, 0, 0, 40, 20]])
    np.testing.assert_allclose(sample.labels["ignored"], [[4, 5, 8, 9]])
    assert data.split("test")[0].labels["boxes"].shape == (0, 5)


NAMED_ONLY = "<annotation><object><name>x</name></object></annotation>"


@pytest.mark.parametrize("body", [NAMED_ONLY, "not xml", "<annotation><object><bndbox/></object></annotation>"])
def test_broken_annotations_are_refused_by_name(tmp_path, body):
    voc(tmp_path)
    write(tmp_path / "Annotations" / "b.xml", body)

    with pytest.raises(DataError, match=r"b\.xml"):
        open_dataset(tmp_path, "detection")


def test_ignored_regions_are_read_beside_coco_boxes(tmp_path):
    for name in "abc":
        picture(tmp_path / "images" / f"{name}.png")
    entries = ", ".join(f'{{"id": {i}, "file_name": "{name}.png"}}' for i, name in enumerate("abc"))
    write(tmp_path / "boxes.json", COCO % entries)
    write(tmp_path / "ignore.csv", "file,x1,y1,x2,y2\na.png,1,2,3,4\n")

    regions = {record.name: record.load().labels["ignored"] for record in open_dataset(tmp_path, "detection").records}

    np.testing.assert_allclose(regions["a"], [[1, 2, 3, 4]])
    assert regions["b"].shape == (0, 4)
