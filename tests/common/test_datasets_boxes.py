"""Boxes in YOLO's and Pascal VOC's layouts, and regions that do not count."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.datasets import open_dataset
from zoo.common.errors import DataError, ZooWarning


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


def coco_folder(root: Path, **changes: list[dict]) -> None:
    """Write one picture of 40 x 20 px (width x height) in COCO's way, some of it changed."""
    picture(root / "images" / "a.png")
    write(root / "split.csv", "id,split\na,train\n")
    content = {
        "categories": [{"id": 9, "name": "b"}, {"id": 2, "name": "a"}],
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 20}],
        "annotations": [
            {"image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]},
            {"image_id": 1, "category_id": 2, "bbox": [10, 5, 20, 10], "iscrowd": 1},
        ],
    }
    write(root / "boxes.json", json.dumps(content | changes))


def test_classes_follow_their_ids_and_crowds_count_neither_way(tmp_path):
    coco_folder(tmp_path)
    write(tmp_path / "ignore.csv", "id,x1,y1,x2,y2\na,0,0,5,5\n")

    data = open_dataset(tmp_path, "detection")
    sample = data.records[0].load()

    assert data.classes == ("a", "b")
    np.testing.assert_allclose(sample.labels["boxes"], [[1, 1, 2, 4, 6]])
    np.testing.assert_allclose(sample.labels["ignored"], [[0, 0, 5, 5], [10, 5, 30, 15]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "a.png"}]}, "file_name 'a.png'"),
        ({"images": [{"id": 1, "file_name": "a.png"}, {"id": 1, "file_name": "b.png"}]}, "image id 1"),
        ({"categories": [{"id": 2, "name": "a"}, {"id": 9, "name": "a"}]}, "category 'a'"),
        ({"categories": [{"id": 9, "name": "a"}, {"id": 9, "name": "b"}]}, "category id 9"),
    ],
)
def test_what_cannot_be_told_apart_is_refused_and_not_lost(tmp_path, changes, message):
    coco_folder(tmp_path, **changes)

    with pytest.raises(DataError, match=f"{message} is there twice"):
        open_dataset(tmp_path, "detection")


def test_boxes_of_another_size_of_the_picture_are_refused(tmp_path):
    coco_folder(tmp_path / "coco", images=[{"id": 1, "file_name": "a.png", "width": 80, "height": 40}])
    voc(tmp_path / "voc")
    write(tmp_path / "voc" / "ImageSets" / "Main" / "train.txt", "a\nb\n")
    size = "<size><width>80</width><height>40</height></size>"
    write(tmp_path / "voc" / "Annotations" / "b.xml", f"<annotation>{size}</annotation>")

    with pytest.raises(DataError, match=r"annotated on 80 x 40 px, the picture has 40 x 20 px"):
        open_dataset(tmp_path / "coco", "detection").records[0].load()
    with pytest.raises(DataError, match=r"b\.xml: annotated on 80 x 40 px"):
        open_dataset(tmp_path / "voc", "detection").records[1].load()


def test_lists_of_voc_that_contradict_or_name_nothing_are_refused(tmp_path):
    voc(tmp_path)
    lists = tmp_path / "ImageSets" / "Main"
    write(lists / "train.txt", "a\n")
    with pytest.warns(ZooWarning, match="1 annotated pictures are in no list, such as b"):
        open_dataset(tmp_path, "detection")
    write(lists / "test.txt", "b\nc\n")
    with pytest.raises(DataError, match="1 listed pictures have no file in Annotations/, such as c"):
        open_dataset(tmp_path, "detection")
    write(lists / "val.txt", "a\nb\n")
    with pytest.raises(DataError, match=r"is in .*, too; expected each picture in one"):
        open_dataset(tmp_path, "detection")
