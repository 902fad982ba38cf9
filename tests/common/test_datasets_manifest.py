"""A manifest serves every task, or says which line is wrong."""

import numpy as np
import pytest

from zoo.common.datasets import open_dataset
from zoo.common.errors import DataError

from .test_datasets_masks import SIZE, picture, table, volume


def manifest(root, header, *rows):
    """Write pictures, masks of ones, and a manifest that splits by line."""
    for row in rows:
        for cell in row:
            if str(cell).endswith(".png") and "gone" not in str(cell):
                picture(root / cell, 1)
    splits = ("train", "val", "test")
    table(root / "manifest.csv", (*header, "split"), [(*row, splits[i % 3]) for i, row in enumerate(rows)])
    return root


def test_masks(tmp_path):
    data = open_dataset(manifest(tmp_path, ("image", "mask"), ("a.png", "m/a.png")), "segmentation")

    np.testing.assert_array_equal(data[0].labels["mask"], np.ones(SIZE))
    assert data.classes == ()


def test_masks_of_volumes(tmp_path):
    volume(tmp_path / "a.nii.gz", np.ones((3, 4, 5), np.int16))
    volume(tmp_path / "a_seg.nii.gz", np.full((3, 4, 5), 2, np.uint8))

    data = open_dataset(manifest(tmp_path, ("image", "mask"), ("a.nii.gz", "a_seg.nii.gz")), "segmentation")

    assert data[0].image.array.shape == (1, 3, 4, 5) and (data[0].labels["mask"] == 2).all()


def test_mask_with_more_classes_than_names_is_refused(tmp_path):
    manifest(tmp_path, ("image", "mask"), ("a.png", "m.png"))
    picture(tmp_path / "m.png", 2)
    (tmp_path / "classes.txt").write_text("background\nlung\n")

    data = open_dataset(tmp_path, "segmentation")

    assert data.classes == ("background", "lung")
    with pytest.raises(DataError, match=r"m\.png: class 2; classes\.txt names 2"):
        data[0]


def test_missing_mask_is_named_with_its_line(tmp_path):
    manifest(tmp_path, ("image", "mask"), ("a.png", "gone.png"))

    with pytest.raises(DataError, match=r"line 2: there is no file .*gone\.png"):
        open_dataset(tmp_path, "segmentation")


def test_manifest_without_the_column_says_which_there_are(tmp_path):
    manifest(tmp_path, ("image", "label"), ("a.png", 1))

    with pytest.raises(DataError, match="column 'mask' is missing or empty; there are image, label, split"):
        open_dataset(tmp_path, "segmentation")


def test_localisation_wants_labels_and_what_masks_there_are(tmp_path):
    rows = (("a.png", "sick", "m.png"), ("b.png", "healthy", ""), ("c.png", "sick", ""))

    data = open_dataset(manifest(tmp_path, ("image", "label", "mask"), *rows), "localisation")

    assert data.classes == ("healthy", "sick")
    assert [sorted(sample.labels) for sample in data] == [["label", "mask"], ["label", "mask"], ["label"]]
    assert [int(data[i].labels["mask"].max()) for i in (0, 1)] == [1, 0]


def test_instances_boxes_and_points(tmp_path):
    header = ("image", "instances", "label", "x", "y", "x1", "y1", "x2", "y2")
    rows = (("a.png", "m.png", "cell", 1, 2, 0, 1, 4, 5), ("a.png", "m.png", "dirt", 3.5, 0, 1, 1, 2, 2))
    nothing = ("b.png", "m.png", *[""] * 7)
    manifest(tmp_path, header, *rows, nothing)
    lines = [(*rows[0], "train"), (*rows[1], "train"), (*nothing, "test")]
    table(tmp_path / "manifest.csv", (*header, "split"), lines)

    points, boxes = (open_dataset(tmp_path, task) for task in ("point-detection", "detection"))

    np.testing.assert_array_equal(points[0].labels["points"], [[0, 1, 2], [1, 3.5, 0]])
    np.testing.assert_array_equal(boxes[0].labels["boxes"], [[0, 0, 1, 4, 5], [1, 1, 1, 2, 2]])
    assert points[1].labels["points"].shape == (0, 3) and boxes[1].labels["boxes"].shape == (0, 5)
    assert points.classes == ("cell", "dirt")
    assert open_dataset(tmp_path, "instance-segmentation")[0].labels["instances"].max() == 1


def test_points_and_boxes_of_volumes_have_three_axes(tmp_path):
    header = ("image", "x", "y", "z", "x1", "y1", "x2", "y2", "z1", "z2")
    manifest(tmp_path, header, ("a.png", 1, 2, 3, 0, 0, 2, 2, 4, 6))

    assert open_dataset(tmp_path, "point-detection")[0].labels["points"].tolist() == [[0, 1, 2, 3]]
    assert open_dataset(tmp_path, "detection")[0].labels["boxes"].tolist() == [[0, 0, 0, 2, 2, 4, 6]]


def test_box_given_by_its_size_is_refused(tmp_path):
    manifest(tmp_path, ("image", "x1", "y1", "x2", "y2"), ("a.png", 5, 5, 2, 2))

    with pytest.raises(DataError, match="corners and not sizes"):
        open_dataset(tmp_path, "detection")
