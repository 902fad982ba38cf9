"""Objects one by one on disk: a mask per object, COCO's polygons and run lengths, QuPath's GeoJSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.answers.instances import of_one_kind
from zoo.common.datasets import open_dataset
from zoo.common.errors import DataError
from zoo.common.instances.example import draw_nuclei
from zoo.common.metrics.instances import summarise_instances
from zoo.common.types import Image

TASK = "instance-segmentation"


def drawn(seed: int = 0) -> np.ndarray:
    """Draw a map of nuclei, one with a hole."""
    instances = draw_nuclei((60, 72), 3, np.random.default_rng(seed)).labels["instances"]
    y, x = (int(v) for v in np.argwhere(instances == 1).mean(axis=0))
    instances[y, x : x + 2] = 0
    return instances


def folder(root: Path, names: tuple[str, ...] = ("a", "b")) -> dict[str, np.ndarray]:
    """Write images/ and a split, and return the map of each."""
    (root / "images").mkdir(parents=True)
    for name in names:
        Pillow.fromarray(np.zeros((60, 72), np.uint8)).save(root / "images" / f"{name}.png")
    (root / "split.csv").write_text("id,split\n" + "".join(f"{name},train\n" for name in names))
    return {name: drawn(i) for i, name in enumerate(names)}


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Assert that two maps hold the same objects, whatever their numbers."""
    assert summarise_instances(expected, found)["aji"] == 1.0


def saved(instances: np.ndarray, path: Path) -> dict:
    answer = of_one_kind(Image(np.zeros((1, *instances.shape), np.float32), name=path.stem), ("nucleus",), instances)
    return json.loads(answer.save(path).read_text())


@pytest.mark.parametrize("place", ["labels", "masks", "annotations"])
def test_geojson_comes_back_to_the_pixel(place: str, tmp_path: Path) -> None:
    maps = folder(tmp_path)
    (tmp_path / place).mkdir()
    for name, instances in maps.items():
        saved(instances, tmp_path / place / f"{name}.geojson")

    for record in open_dataset(tmp_path, TASK).records:
        assert_same(record.load().labels["instances"], maps[record.name])


def test_annotations_count_where_nothing_was_detected_and_the_first_wins(tmp_path: Path) -> None:
    folder(tmp_path, ("a",))
    (tmp_path / "labels").mkdir()

    def square(x: int, kind: str) -> dict:
        ring = [[x, 4], [x + 10, 4], [x + 10, 14], [x, 14], [x, 4]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        return {"type": "Feature", "geometry": geometry, "properties": {"objectType": kind}}

    path = tmp_path / "labels" / "a.geojson"
    path.write_text(json.dumps([square(5, "annotation"), square(10, "annotation")]))  # as older versions export
    areas = np.bincount(open_dataset(tmp_path, TASK)[0].labels["instances"].ravel())[1:]
    assert areas.tolist() == [100, 50]

    path.write_text(json.dumps({"features": [square(5, "annotation"), square(10, "detection")]}))
    assert np.bincount(open_dataset(tmp_path, TASK)[0].labels["instances"].ravel())[1:].tolist() == [100]


def test_a_point_is_no_outline(tmp_path: Path) -> None:
    folder(tmp_path, ("a",))
    (tmp_path / "labels").mkdir()
    point = {"geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}}
    (tmp_path / "labels" / "a.geojson").write_text(json.dumps({"features": [point]}))

    with pytest.raises(DataError, match=r"object 1: Point given; expected an area"):
        open_dataset(tmp_path, TASK)[0]


@pytest.mark.parametrize("file", ["instances.json", "boxes.json"])
def test_coco_brings_polygons_and_both_kinds_of_run_lengths(file: str, tmp_path: Path) -> None:
    maps = folder(tmp_path)
    content: dict = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "nucleus"}]}
    for i, (name, instances) in enumerate(maps.items()):
        data = saved(instances, tmp_path / "x.json")
        content["images"].append({"id": i, "file_name": f"{name}.png", "width": 72, "height": 60})
        content["annotations"] += [
            entry | {"id": 100 * i + entry["id"], "image_id": i} for entry in data["annotations"]
        ]
    square = {"id": 900, "image_id": 0, "category_id": 1, "bbox": [0, 0, 2, 2], "iscrowd": 1, "segmentation": []}
    content["annotations"].append(square)  # a region of several objects is none
    first = content["annotations"][0]
    mask = maps["a"] == 1
    edges = np.flatnonzero(np.diff(mask.T.ravel().astype(int), prepend=0, append=0))
    first["segmentation"] = {"size": [60, 72], "counts": np.diff(edges, prepend=0, append=mask.size).tolist()}
    (tmp_path / "x.json").unlink()
    (tmp_path / file).write_text(json.dumps(content))

    for record in open_dataset(tmp_path, TASK).records:
        assert_same(record.load().labels["instances"], maps[record.name])

    first["segmentation"] = [[10, 10, 20, 10, 20, 16, 10, 16]]
    content["annotations"] = [first]
    (tmp_path / file).write_text(json.dumps(content))
    found = open_dataset(tmp_path, TASK)[0].labels["instances"]
    assert found[10:16, 10:20].all() and found.sum() == 60


def test_coco_names_what_is_broken(tmp_path: Path) -> None:
    folder(tmp_path, ("a",))
    entry = {"id": 7, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2]}
    content = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [entry], "categories": []}
    path = tmp_path / "instances.json"

    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"annotation 7 of a: no outline"):
        open_dataset(tmp_path, TASK)[0]
    entry["segmentation"] = {"size": [3, 3], "counts": "9"}  # type: ignore[assignment]
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"annotation 7 of a: run lengths of \(3, 3\)"):
        open_dataset(tmp_path, TASK)[0]
    content["images"][0]["file_name"] = "c.png"  # type: ignore[index]
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"without an image, such as 'c.png'"):
        open_dataset(tmp_path, TASK)


@pytest.mark.parametrize("parts", [("",), ("stage1_train", "stage1_test"), ("train", "val", "test")])
def test_a_folder_per_picture_holds_a_mask_per_object(parts: tuple[str, ...], tmp_path: Path) -> None:
    maps = {}
    for i, part in enumerate(parts):
        for name in (f"{i}a", f"{i}b", f"{i}c", f"{i}d"):
            maps[name] = drawn(len(maps))
            case = tmp_path / part / name
            (case / "images").mkdir(parents=True)
            (case / "masks").mkdir()
            Pillow.fromarray(np.zeros((60, 72), np.uint8)).save(case / "images" / f"{name}.png")
            for number in range(1, maps[name].max() + 1):
                mask = np.uint8(255) * (maps[name] == number)
                Pillow.fromarray(mask).save(case / "masks" / f"{number:04}.png")

    data = open_dataset(tmp_path, TASK)

    assert data.classes == ("nucleus",)
    assert {record.split for record in data.records} <= {"train", "val", "test"}
    if len(parts) > 1:
        assert [record.split for record in data.records if record.name == "1a"] == [
            "test" if len(parts) == 2 else "val"
        ]
    for record in data.records:
        np.testing.assert_array_equal(record.load().labels["instances"], maps[record.name])
        assert len(record.files) == 1 + maps[record.name].max()
    assert open_dataset(tmp_path, "segmentation").classes == ("background", "nucleus")


def test_two_pictures_of_one_case_are_refused(tmp_path: Path) -> None:
    for name in ("a", "x"):
        (tmp_path / "x" / "images").mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "x" / "images" / f"{name}.png")
    (tmp_path / "x" / "masks").mkdir()

    with pytest.raises(DataError, match="2 pictures; expected one"):
        open_dataset(tmp_path, TASK)


def test_parts_of_a_mask_that_numbers_nothing_are_objects_but_for_specks(tmp_path: Path) -> None:
    folder(tmp_path)
    mask = np.zeros((60, 72), np.uint8)
    mask[5:15, 5:15], mask[30:40, 30:50], mask[50:53, 60:63] = 255, 255, 255
    (tmp_path / "masks").mkdir()
    Pillow.fromarray(mask).save(tmp_path / "masks" / "a.png")
    Pillow.fromarray(mask // 255 * np.where(np.arange(72) < 20, 1, 4).astype(np.uint8)).save(
        tmp_path / "masks" / "b.png"
    )

    first, second = (sample.labels["instances"] for sample in open_dataset(tmp_path, TASK))

    assert (first[5:15, 5:15] == 1).all()
    assert (first[30:40, 30:50] == 2).all()
    assert np.unique(first).tolist() == [0, 1, 2]
    assert np.unique(second).tolist() == [0, 1, 4]  # numbers that are there stay
