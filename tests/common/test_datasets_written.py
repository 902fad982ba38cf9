"""What is written in another layout is read back as it was: pixels, labels, classes, splits and groups."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image as Pillow

from zoo.common.datasets import Dataset, open_dataset
from zoo.common.datasets.two_folders import FolderPair
from zoo.common.datasets.written import convert
from zoo.common.errors import ConfigError, DataError, InputError, OutputError
from zoo.common.labels import UNKNOWN

from .official_layouts import volume

RNG = np.random.default_rng(0)


def pictures(root: Path, colour: bool = False) -> Path:
    """Write six pictures of three patients in three splits, with masks of three classes."""
    lines = ["image,mask,split,patient"]
    for i in range(6):
        for folder in ("scans", "masks"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        values = RNG.integers(0, 256, (9, 7, 3) if colour else (9, 7), dtype=np.uint8)
        Pillow.fromarray(values).save(root / "scans" / f"a {i}.png")
        Pillow.fromarray(RNG.integers(0, 3, (9, 7), dtype=np.uint8)).save(root / "masks" / f"{i}.png")
        lines.append(f"scans/a {i}.png,masks/{i}.png,{('train', 'val', 'test')[i // 2]},p{i // 2}")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")
    (root / "classes.txt").write_text("background\nliver\nlesion\n")
    return root


def volumes(root: Path, channels: int = 1) -> Path:
    """Write six volumes with a place in nnU-Net's own folders."""
    for i in range(6):
        for c in range(channels):
            values = RNG.integers(-1000, 1000, (3, 5, 4)).astype(np.int16)
            volume(root / "imagesTr" / f"case_{i}_{c:04}.nii.gz", values, (0.7, 0.7, 2.5), (-10, 5, 3))
        volume(
            root / "labelsTr" / f"case_{i}.nii.gz",
            RNG.integers(0, 3, (3, 5, 4)).astype(np.uint8),
            (0.7, 0.7, 2.5),
            (-10, 5, 3),
        )
    names = {str(c): "CT" for c in range(channels)}
    labels = {"background": 0, "liver": 1, "lesion": 2}
    (root / "dataset.json").write_text(json.dumps({"channel_names": names, "labels": labels, "file_ending": ".nii.gz"}))
    return root


def same(first: Dataset, second: Dataset, key: str = "mask") -> None:
    by_split = [sorted((r.split, i) for i, r in enumerate(data.records)) for data in (first, second)]
    assert [split for split, _ in by_split[0]] == [split for split, _ in by_split[1]]
    assert first.classes == second.classes
    for (_, i), (_, j) in zip(*by_split, strict=True):
        a, b = first[i], second[j]
        np.testing.assert_array_equal(a.image.array, b.image.array)
        np.testing.assert_array_equal(a.labels[key], b.labels[key])
        if a.image.affine is not None:
            np.testing.assert_allclose(a.image.affine, b.image.affine, atol=1e-5)


@pytest.mark.parametrize("to", ["nnunet", "manifest"])
@pytest.mark.parametrize("write", [pictures, volumes, lambda root: pictures(root, True)])
def test_a_segmentation_comes_back(tmp_path: Path, to: str, write):
    data = open_dataset(write(tmp_path / "data"), "segmentation")

    convert(data, "segmentation", to, tmp_path / "out")

    same(data, open_dataset(tmp_path / "out", "segmentation"))


@pytest.mark.parametrize("to", ["nnunet", "manifest"])
def test_what_is_unknown_comes_back_as_unknown(tmp_path: Path, to: str):
    root = pictures(tmp_path / "data")
    (root / "classes.txt").write_text("background\nunknown\nlesion\n")
    data = open_dataset(root, "segmentation")

    convert(data, "segmentation", to, tmp_path / "written")

    same(data, open_dataset(tmp_path / "written", "segmentation"))
    assert data.classes == ("background", "lesion") and (data[0].labels["mask"] == UNKNOWN).any()
    with pytest.raises(DataError, match=r"unknown .*COCO has no word"):
        convert(data, "segmentation", "coco", tmp_path / "coco")


@pytest.mark.parametrize("to", ["nnunet", "manifest"])
def test_volumes_of_several_channels_come_back(to: str, tmp_path: Path):
    data = open_dataset(volumes(tmp_path / "data", 2), "segmentation")

    convert(data, "segmentation", to, tmp_path / "out")

    same(data, open_dataset(tmp_path / "out", "segmentation"))


def test_channels_in_one_file_are_those_of_other_programs(tmp_path: Path):
    data = open_dataset(volumes(tmp_path / "data", 2), "segmentation")
    convert(data, "segmentation", "manifest", tmp_path / "out")
    path = next((tmp_path / "out" / "images").iterdir())
    channels = next(sample.image.array for sample in data if sample.image.name.startswith(path.name.split(".")[0]))

    read = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))

    np.testing.assert_array_equal(np.moveaxis(read, -1, 0), channels)


def test_nnunets_file_says_what_nnunet_asks_for(tmp_path: Path):
    convert(open_dataset(pictures(tmp_path / "data", True), "segmentation"), "segmentation", "nnunet", tmp_path / "out")
    told = json.loads((tmp_path / "out" / "dataset.json").read_text())

    assert told == {
        "channel_names": {"0": "R", "1": "G", "2": "B"},
        "labels": {"background": 0, "liver": 1, "lesion": 2},
        "numTraining": 4,
        "file_ending": ".png",
    }
    assert len(list((tmp_path / "out" / "imagesTr").glob("*_0000.png"))) == 4
    assert len(list((tmp_path / "out" / "labelsTs").iterdir())) == 2


def test_a_segmentation_as_coco_holds_a_region_for_each_class(tmp_path: Path):
    from pycocotools import mask as oracle

    data = open_dataset(pictures(tmp_path / "data"), "segmentation")
    convert(data, "segmentation", "coco", tmp_path / "out")
    told = json.loads((tmp_path / "out" / "instances.json").read_text())

    assert [category["name"] for category in told["categories"]] == ["liver", "lesion"]
    drawn = np.zeros((9, 7), np.uint8)
    for entry in told["annotations"]:
        if entry["image_id"] == 1:
            mask = oracle.decode(entry["segmentation"])
            drawn[mask > 0] = entry["category_id"]
            assert entry["area"] == mask.sum() and entry["bbox"] == oracle.toBbox(entry["segmentation"]).tolist()
    np.testing.assert_array_equal(drawn, data[0].labels["mask"])


@pytest.mark.parametrize("named", [True, False])
def test_a_segmentation_comes_back_from_coco(tmp_path: Path, named: bool):
    data = open_dataset(pictures(tmp_path / "data"), "segmentation")
    convert(data, "segmentation", "coco", tmp_path / "out")
    if named:
        (tmp_path / "out" / "classes.txt").write_text("background\nliver\nlesion\n")

    same(data, open_dataset(tmp_path / "out", "segmentation"))


def test_coco_files_per_split_serve_segmentation_with_regions_of_several_objects(tmp_path: Path):
    for split in ("train", "valid"):
        (tmp_path / split).mkdir()
        Pillow.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / split / "a.png")
        runs = {"size": [4, 6], "counts": [8, 4, 12]}  # the third column
        entries = [
            {
                "id": 1,
                "image_id": 7,
                "category_id": 9,
                "bbox": [0, 0, 2, 2],
                "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]],
            },
            {"id": 2, "image_id": 7, "category_id": 4, "bbox": [2, 0, 1, 4], "segmentation": runs, "iscrowd": 1},
        ]
        told = {
            "images": [{"id": 7, "file_name": "a.png", "width": 6, "height": 4}],
            "annotations": entries,
            "categories": [{"id": 9, "name": "late"}, {"id": 4, "name": "early"}],
        }
        (tmp_path / split / "_annotations.coco.json").write_text(json.dumps(told))

    data = open_dataset(tmp_path, "segmentation")

    assert data.classes == ("background", "early", "late") and [r.split for r in data.records] == ["train", "val"]
    assert data[0].labels["mask"].tolist() == [[2, 2, 1, 0, 0, 0]] * 2 + [[0, 0, 1, 0, 0, 0]] * 2


def test_boxes_alone_label_no_pixels(tmp_path: Path):
    data = open_dataset(pictures(tmp_path / "data"), "segmentation")
    convert(data, "segmentation", "coco", tmp_path / "out")
    told = json.loads((tmp_path / "out" / "instances.json").read_text())
    told["annotations"] = [{k: v for k, v in one.items() if k != "segmentation"} for one in told["annotations"]]
    (tmp_path / "out" / "instances.json").write_text(json.dumps(told))

    with pytest.raises(DataError, match="no mask for scans_a_0"):
        open_dataset(tmp_path / "out", "segmentation")


def test_a_conversion_that_fails_leaves_its_folder_free_for_the_next(tmp_path: Path):
    data = open_dataset(volumes(tmp_path / "data"), "segmentation")
    last = data.records[-1].files[0]
    content = last.read_bytes()
    last.write_bytes(content[:100])
    with pytest.raises(InputError):
        convert(data, "segmentation", "manifest", tmp_path / "out")
    last.write_bytes(content)

    convert(data, "segmentation", "nnunet", tmp_path / "out")

    same(data, open_dataset(tmp_path / "out", "segmentation"))


def test_objects_and_boxes_come_back_from_coco(tmp_path: Path):
    root = tmp_path / "data"
    for i in range(3):
        objects = np.zeros((12, 10), np.uint8)
        objects[1:5, 2:6], objects[6:11, 3 : 5 + i] = 1, 2
        for folder, values in (("images", 20 * objects), ("masks", objects)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Pillow.fromarray(values).save(root / folder / f"{i}.png")
    (root / "split.csv").write_text("id,split,n_nuclei\n0,train,2\n1,val,2\n2,test,2\n")
    objects, boxes = (open_dataset(root, task) for task in ("instance-segmentation", "detection"))

    convert(objects, "instance-segmentation", "coco", tmp_path / "objects")
    convert(boxes, "detection", "coco", tmp_path / "boxes")

    same(objects, open_dataset(tmp_path / "objects", "instance-segmentation"), "instances")
    back = open_dataset(tmp_path / "boxes", "detection")
    for sample, other in zip(boxes, back, strict=True):
        np.testing.assert_array_equal(sample.labels["boxes"], other.labels["boxes"])


@pytest.mark.parametrize("task", ["classification", "detection", "ellipse-detection", "point-detection"])
def test_tables_of_labels_come_back_as_a_manifest(tmp_path: Path, task: str):
    columns = {
        "classification": "label",
        "detection": "label,x1,y1,x2,y2",
        "ellipse-detection": "label,cx,cy,a,b,theta",
        "point-detection": "label,x,y",
    }
    values = {
        "classification": "sick",
        "detection": "sick,1,2,4,6",
        "ellipse-detection": "sick,4,4,3,2,0.5",
        "point-detection": "sick,2.5,3",
    }
    lines = [f"image,split,patient,{columns[task]}"]
    (tmp_path / "data").mkdir()
    for i, split in enumerate(("train", "val", "test")):
        Pillow.fromarray(np.full((9, 8), i, np.uint8)).save(tmp_path / "data" / f"{i}.png")
        lines += [f"{i}.png,{split},p{i},{values[task]}"]
    (tmp_path / "data" / "manifest.csv").write_text("\n".join(lines) + "\n")
    data = open_dataset(tmp_path / "data", task)

    convert(data, task, "manifest", tmp_path / "out")

    back = open_dataset(tmp_path / "out", task)
    same(data, back, next(iter(data[0].labels)))
    assert back.groups == ("p0", "p1", "p2")


def test_nothing_is_written_over_and_other_tasks_are_refused(tmp_path: Path):
    data = open_dataset(pictures(tmp_path / "data"), "segmentation")

    with pytest.raises(OutputError, match="new or empty"):
        convert(data, "segmentation", "nnunet", tmp_path / "data")
    with pytest.raises(ConfigError, match="nnunet holds segmentation, not classification"):
        convert(data, "classification", "nnunet", tmp_path / "out")
    with pytest.raises(ConfigError, match="nnunet, coco, manifest"):
        convert(data, "segmentation", "zip", tmp_path / "out")


def test_two_folders_anywhere_are_a_data_set(tmp_path: Path):
    root = pictures(tmp_path / "data")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for i in range(6):
        (root / "masks" / f"{i}.png").rename(moved / f"a {i}_seg.png")

    data = open_dataset(FolderPair(root / "scans", moved), "segmentation")

    assert len(data) == 6 and data.drawn == {"seed": 0} and data.classes == ("background", "liver", "lesion")
    (moved / "a 3_seg.png").unlink()
    with pytest.raises(DataError, match="1 of 6 images have no mask: a 3; masks without an image: nothing"):
        open_dataset(FolderPair(root / "scans", moved), "segmentation")
