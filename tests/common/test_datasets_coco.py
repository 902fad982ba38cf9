"""COCO's JSON under the names and in the folders that the usual programs give it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from zoo.common.datasets import open_dataset
from zoo.common.datasets.coco import read_coco
from zoo.common.errors import DataError, ZooWarning

SQUARE = [2, 3, 6, 3, 6, 8, 2, 8]  # corners of 4 x 5 px
SPLITS = {"train": ("a", "b"), "val": ("c",), "test": ("d",)}
LAYOUTS = {  # where the file and the pictures of a split lie
    "official": ("annotations/instances_{split}2017.json", "{split}2017"),
    "roboflow": ("{split}/_annotations.coco.json", "{split}"),
    "split-images": ("{split}/annotations.json", "{split}/images"),
    "one-folder": ("annotations/{split}.json", "images"),
    "inner-folders": ("annotations_{split}.json", "images/{split}"),
}
SINGLE = {
    "cvat": ("annotations/instances_default.json", "images"),
    "label-studio": ("result.json", "images"),
    "beside": ("my coco.json", "."),
}


def content_of(names: tuple[str, ...], **changes: object) -> dict[str, object]:
    pictures = [{"id": i, "file_name": f"{name}.png", "width": 12, "height": 10} for i, name in enumerate(names)]
    marks = [
        {"id": i, "image_id": i, "category_id": 7, "bbox": [2, 3, 4, 5], "segmentation": [SQUARE], "iscrowd": 0}
        for i in range(len(names))
    ]
    return {"images": pictures, "annotations": marks, "categories": [{"id": 7, "name": "cell"}], **changes}


def write(path: Path, names: tuple[str, ...], folder: Path, **changes: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content_of(names, **changes)))
    for name in names:
        Picture.fromarray(np.full((10, 12), ord(name), np.uint8)).save(folder / f"{name}.png")


def write_splits(root: Path, layout: str) -> Path:
    file, folder = LAYOUTS[layout]
    for split, names in SPLITS.items():
        spelled = "valid" if (layout, split) == ("roboflow", "val") else split
        write(root / file.format(split=spelled), names, root / folder.format(split=spelled))
    return root


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_per_split_gives_its_split_boxes_and_outlines(layout, tmp_path):
    root = write_splits(tmp_path, layout)
    boxes, outlines = (open_dataset(root, task) for task in ("detection", "instance-segmentation"))
    assert boxes.classes == ("cell",)
    for data in (boxes, outlines):
        assert {(r.name.rsplit("/")[-1], r.split) for r in data.records} == {
            (name, split) for split, names in SPLITS.items() for name in names
        }
    for found, outlined, record in zip(boxes, outlines, boxes.records, strict=True):
        assert found.image.array.flat[0] == ord(record.name[-1])
        np.testing.assert_array_equal(found.labels["boxes"], [[0, 2, 3, 6, 8]])
        instances = outlined.labels["instances"]
        assert instances.sum() == 20
        assert instances[3:8, 2:6].all()


@pytest.mark.parametrize("layout", SINGLE)
def test_a_single_file_is_found_under_any_name_and_a_split_is_drawn(layout, tmp_path):
    file, folder = SINGLE[layout]
    write(tmp_path / file, ("a", "b", "c", "d", "e"), tmp_path / folder)
    for task in ("detection", "instance-segmentation"):
        data = open_dataset(tmp_path, task)
        assert len(data) == 5
        assert data.drawn == {"seed": 0}


def test_key_points_and_captions_beside_the_instances_are_left_alone(tmp_path):
    root = write_splits(tmp_path, "official")
    for split, names in SPLITS.items():
        path = root / "annotations" / f"person_keypoints_{split}2017.json"
        path.write_text(json.dumps(content_of(names)))
    assert len(open_dataset(root, "detection")) == 4


def test_two_files_for_one_split_are_refused_by_their_names(tmp_path):
    root = write_splits(tmp_path, "one-folder")
    (root / "annotations" / "train_2.json").write_text(json.dumps(content_of(("a",))))
    with pytest.raises(DataError, match=re.escape("train.json") + ".*" + re.escape("train_2.json")):
        open_dataset(root, "detection")


def test_pictures_that_no_file_lists_are_told(tmp_path):
    root = write_splits(tmp_path, "one-folder")
    Picture.fromarray(np.zeros((10, 12), np.uint8)).save(root / "images" / "spare.png")
    with pytest.warns(ZooWarning, match="1 images are in no COCO file.*spare"):
        assert len(open_dataset(root, "detection")) == 4


def test_one_picture_in_two_splits_is_refused(tmp_path):
    root = write_splits(tmp_path, "one-folder")
    (root / "annotations" / "val.json").write_text(json.dumps(content_of(("a", "c"))))
    with pytest.raises(DataError, match=r"a\.png"):
        open_dataset(root, "detection")


def test_other_categories_in_one_split_are_refused(tmp_path):
    root = write_splits(tmp_path, "one-folder")
    other = content_of(("c",), categories=[{"id": 7, "name": "nucleus"}])
    (root / "annotations" / "val.json").write_text(json.dumps(other))
    with pytest.raises(DataError, match=r"val\.json has nucleus"):
        open_dataset(root, "detection")


def test_a_heading_of_categories_is_no_class_unless_it_is_used(tmp_path):
    categories = [{"id": 0, "name": "cells", "supercategory": "none"}]
    categories += [
        {"id": 7, "name": "red", "supercategory": "cells"},
        {"id": 9, "name": "white", "supercategory": "cells"},
    ]
    path = tmp_path / "one.json"
    content = content_of(("a",), categories=categories)
    path.write_text(json.dumps(content))
    assert read_coco(path).classes == ("red", "white")
    content["annotations"][0]["category_id"] = 0
    path.write_text(json.dumps(content))
    assert read_coco(path).classes == ("cells", "red", "white")


def test_outlines_do_not_need_boxes(tmp_path):
    names = ("a", "b", "c", "d")
    marks = [{"id": i, "image_id": i, "category_id": 7, "segmentation": [SQUARE]} for i in range(4)]
    write(tmp_path / "instances.json", names, tmp_path / "images", annotations=marks)
    assert open_dataset(tmp_path, "instance-segmentation")[0].labels["instances"].sum() == 20


def test_outlines_of_qupath_may_lie_beside_their_picture(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    ring = [[2, 3], [6, 3], [6, 8], [2, 8], [2, 3]]
    cell = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {}}
    for name in "abcd":
        Picture.fromarray(np.full((10, 12), ord(name), np.uint8)).save(folder / f"{name}.png")
        (folder / f"{name}.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [cell]}))
    assert open_dataset(tmp_path, "instance-segmentation")[0].labels["instances"].sum() == 20
