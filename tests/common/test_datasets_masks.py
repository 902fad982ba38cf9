"""Masks, boxes, points and instances beside pictures, on the picture's grid, or an error that says why."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image as Pillow

from zoo.common.datasets import open_dataset
from zoo.common.datasets.masks import bright, class_numbers, mapped, read_mask
from zoo.common.errors import DataError
from zoo.common.types import Image

SHARED = Path(__file__).parents[3] / "shared" / "data"  # the real data sets, on the machines that have them
SIZE = (6, 8)


def picture(path, values=50, mode="L"):
    """Write a picture of SIZE."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.broadcast_to(np.asarray(values, np.uint8), SIZE) if np.ndim(values) < 2 else np.asarray(values)
    Pillow.fromarray(np.ascontiguousarray(array)).convert(mode).save(path)


def table(path, header, rows):
    """Write a CSV."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def volume(path, array, origin=(0, 0, 0)):
    """Write a volume."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(array)
    image.SetOrigin(origin)
    SimpleITK.WriteImage(image, str(path))


def paired(root, split=True, masks="masks"):
    """Write three pictures of two classes with masks, boxes and points."""
    for number, name in enumerate(("a", "b", "c")):
        picture(root / "images" / f"{name}.jpg")
        mask = np.zeros(SIZE, np.uint8)
        mask[2:4, 1:5] = number + 1
        picture(root / masks / f"{name}.png", mask)
    rows = [("a", "train", "p1", 1), ("b", "val", "p2", 1), ("c", "test", "p3", 0)]
    if split:
        table(root / "split.csv", ("id", "split", "patient", "label"), rows)
    table(root / "points.csv", ("id", "x", "y", "cls"), [("a", 1.5, 2, 1), ("a", 3, 4, 0)])
    coco = {
        "categories": [{"id": 7, "name": "cell"}],
        "images": [{"id": i, "file_name": f"images/{n}.jpg"} for i, n in enumerate("abc")],
        "annotations": [
            {"image_id": 0, "category_id": 7, "bbox": [1, 2, 4, 2]},
            {"image_id": 0, "category_id": 7, "bbox": [0, 0, 8, 6], "iscrowd": 1},
        ],
    }
    (root / "boxes.json").write_text(json.dumps(coco))


# --- masks -----------------------------------------------------------------------------------------------------------


def test_black_and_white_means_one_class(tmp_path):
    picture(tmp_path / "m.png", np.array([[0, 255] * 4] * 6, np.uint8))

    mask = read_mask(tmp_path / "m.png", Image(np.zeros((1, *SIZE))))

    np.testing.assert_array_equal(np.unique(mask), [0, 1])


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_class_numbers_survive_every_kind_of_picture(mode, tmp_path):
    expected = np.arange(48).reshape(SIZE) % 5
    path = tmp_path / "m.png"
    if mode == "P":
        indexed = Pillow.fromarray(expected.astype(np.uint8), "L").convert("P")
        indexed.putpalette([255, 0, 0, 9, 9, 9, 0, 255, 0, 1, 2, 3, 4, 5, 6])
        indexed.putdata(expected.ravel().tolist())
        indexed.save(path)
    else:
        picture(path, expected.astype(np.uint8), mode)

    np.testing.assert_array_equal(read_mask(path, Image(np.zeros((1, *SIZE)))), expected)


def test_instances_beyond_255_survive(tmp_path):
    path = tmp_path / "m.png"
    Pillow.fromarray(np.full(SIZE, 4000, np.uint16)).save(path)

    assert read_mask(path, Image(np.zeros((1, *SIZE)))).max() == 4000


def test_mask_of_another_size_is_refused(tmp_path):
    picture(tmp_path / "m.png", 1)

    with pytest.raises(DataError, match=r"m\.png: \(6, 8\) given; its image image is \(6, 9\)"):
        read_mask(tmp_path / "m.png", Image(np.zeros((1, 6, 9))))


def test_mask_at_another_place_is_refused(tmp_path):
    volume(tmp_path / "m.nii.gz", np.ones((3, 4, 5), np.uint8), origin=(0, 0, 2))

    with pytest.raises(DataError, match=r"up to 2\.0 voxels away"):
        read_mask(tmp_path / "m.nii.gz", Image(np.zeros((1, 3, 4, 5)), affine=np.diag([-1.0, -1, 1, 1])))


def test_coloured_mask_is_refused(tmp_path):
    Pillow.fromarray(np.stack([np.eye(6, 8, dtype=np.uint8), *[np.zeros(SIZE, np.uint8)] * 2], -1)).save(
        tmp_path / "m.png"
    )

    with pytest.raises(DataError, match="coloured mask"):
        read_mask(tmp_path / "m.png", Image(np.zeros((1, *SIZE))))


def test_decoders_turn_stored_values_into_classes():
    stored = np.array([0, 3, 127, 128, 255, 421])

    np.testing.assert_array_equal(bright(stored), [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(mapped({421: 3, 255: 1})(stored), [0, 0, 0, 0, 1, 3])
    np.testing.assert_array_equal(class_numbers(stored), stored)


# --- folders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("masks", ["masks", "labels"])
def test_pictures_beside_masks(masks, tmp_path):
    paired(tmp_path, masks=masks)

    data = open_dataset(tmp_path, "segmentation")

    assert [int(sample.labels["mask"].max()) for sample in data] == [1, 2, 3]
    assert data.groups == ("p1", "p2", "p3")
    assert [record.split for record in data.records] == ["train", "val", "test"]
    assert data.classes == ("background", "cell")


def test_lists_of_names_are_a_split_too(tmp_path):
    paired(tmp_path, split=False)
    (tmp_path / "splits").mkdir()
    for split, names in {"train": "a.jpg\nb", "val": "c"}.items():
        (tmp_path / "splits" / f"{split}.txt").write_text(names)

    data = open_dataset(tmp_path, "segmentation")

    assert Counter(record.split for record in data.records) == {"train": 2, "val": 1}


def test_boxes_and_points_of_the_pictures(tmp_path):
    paired(tmp_path)

    boxes = open_dataset(tmp_path, "detection")
    points = open_dataset(tmp_path, "point-detection")

    np.testing.assert_array_equal(boxes[0].labels["boxes"], [[0, 1, 2, 5, 4]])
    assert boxes[1].labels["boxes"].shape == (0, 5) and boxes.classes == ("cell",)
    np.testing.assert_array_equal(points[0].labels["points"], [[1, 1.5, 2], [0, 3, 4]])
    assert points[1].labels["points"].shape == (0, 3)


def test_normal_picture_needs_no_mask(tmp_path):
    paired(tmp_path)
    (tmp_path / "masks" / "c.png").unlink()

    sample = open_dataset(tmp_path, "localisation")[2]

    assert int(sample.labels["label"]) == 0 and not sample.labels["mask"].any()


def test_boxes_and_points_come_from_numbered_objects_where_no_table_has_them(tmp_path):
    numbers = np.zeros(SIZE, np.uint8)
    numbers[1:3, 2:6], numbers[4, 0] = 5, 2
    for name, values in (("a", numbers), ("b", np.zeros(SIZE, np.uint8))):
        picture(tmp_path / "images" / f"{name}.png")
        picture(tmp_path / "labels" / f"{name}.png", values)
    table(tmp_path / "split.csv", ("id", "split", "n_nuclei"), [("a", "train", 2), ("b", "test", 0)])

    boxes, points = (open_dataset(tmp_path, task) for task in ("detection", "point-detection"))

    np.testing.assert_array_equal(boxes[0].labels["boxes"], [[0, 0, 4, 1, 5], [0, 2, 1, 6, 3]])
    np.testing.assert_array_equal(points[0].labels["points"], [[0, 0, 4], [0, 3.5, 1.5]])
    assert boxes[1].labels["boxes"].shape == (0, 5) and points[1].labels["points"].shape == (0, 3)


def test_masks_of_classes_are_no_numbered_objects(tmp_path):
    paired(tmp_path)
    table(tmp_path / "split.csv", ("id", "split", "frac_cell"), [("a", "train", 1), ("b", "val", 1), ("c", "test", 1)])

    with pytest.raises(DataError, match="masks of cell given, not of numbered objects"):
        open_dataset(tmp_path, "instance-segmentation")


def test_a_marked_image_without_a_label_shows_a_finding(tmp_path):
    paired(tmp_path)
    table(tmp_path / "split.csv", ("id", "split"), [("a", "train"), ("b", "val"), ("c", "test")])
    picture(tmp_path / "masks" / "c.png", np.zeros(SIZE, np.uint8))

    data = open_dataset(tmp_path, "localisation")

    assert [int(sample.labels["label"]) for sample in data] == [1, 1, 0] and data.classes == ("normal", "cell")


def test_a_slide_with_fields_in_two_splits_validates_as_a_whole(tmp_path):
    rows = [("a", "train", "s1", 1, 0), ("b", "train", "s2", 1, 0), ("c", "val", "s2", 0, 1), ("d", "test", "s3", 1, 1)]
    for name, *_ in rows:
        picture(tmp_path / "images" / f"{name}.png")
    table(tmp_path / "split.csv", ("id", "split", "slide", "n_pos", "n_neg"), rows)
    table(tmp_path / "points.csv", ("id", "x", "y", "cls"), [("a", 1.5, 2, 1)])

    data = open_dataset(tmp_path, "point-detection")

    assert {r.name: r.split for r in data.records} == {"a": "train", "b": "val", "c": "val", "d": "test"}
    assert data.classes == ("negative", "positive")


def test_missing_mask_is_named_with_the_places_searched(tmp_path):
    paired(tmp_path)
    (tmp_path / "masks" / "b.png").unlink()

    with pytest.raises(
        DataError,
        match=r"no mask for b; looked in masks, labels, .* hold 2\. Images without one: b; masks without an image: n",
    ):
        open_dataset(tmp_path, "segmentation")


def test_split_that_names_a_missing_picture_is_refused(tmp_path):
    paired(tmp_path)
    (tmp_path / "images" / "b.jpg").unlink()

    with pytest.raises(DataError, match=r"split\.csv: 1 name\(s\) without an image, such as 'b'"):
        open_dataset(tmp_path, "segmentation")


REAL = {  # task, classes, cases per split
    "msd_hippocampus": ("segmentation", ("background", "anterior", "posterior"), (140, 20, 40)),
    "cxr_lungs": ("segmentation", ("background", "lung"), (26, 3, 9)),
    "sunnybrook_cmr": ("segmentation", (), (432, 94, 150)),
    "kvasir_seg": ("segmentation", ("background", "polyp"), (578, 70, 120)),
    "covid_ct_seg": ("segmentation", ("background", "ggo", "consolidation"), (46, 8, 28)),
    "covid_ct_wll": ("localisation", ("normal", "covid"), (2950, 393, 504)),
    "wce_bleedgen": ("localisation", ("normal", "bleeding"), (604, 118, 147)),
    "bccd": ("detection", ("RBC", "WBC", "Platelets"), (205, 87, 48)),
    "monuseg": ("point-detection", (), (24, 5, 7)),
    "dsb2018_nuclei": ("instance-segmentation", (), (309, 66, 94)),
    "ki67_ihc": ("point-detection", ("negative", "positive"), (12, 12, 6)),  # a slide of train and val validates
    "sars_cov2_ct": ("classification", ("normal", "covid"), (890, 223, 273)),
    "volumes_misc": ("segmentation", (), (4, 1, 1)),  # drawn
}


@pytest.mark.parametrize("name", REAL)
def test_real_data_set_has_the_published_split_and_labels(name):
    if not (SHARED / name).is_dir():
        pytest.skip(f"{SHARED / name} is not on this machine")
    task, classes, sizes = REAL[name]

    data = open_dataset(SHARED / name, task)

    counts = Counter(record.split for record in data.records)
    assert (tuple(counts[split] for split in ("train", "val", "test")), data.classes) == (sizes, classes)
    assert all(label.shape == () or label.size for label in data[0].labels.values())
