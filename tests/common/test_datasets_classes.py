"""Class numbers of a data set beside those of a model: the same names in another order, others, or none."""

import warnings

import numpy as np
import pytest

from zoo.common.datasets import Dataset, Record, open_dataset
from zoo.common.datasets.classes import COUNTED, aligned, misspelt, renumber
from zoo.common.errors import ConfigError, DataError, ZooWarning
from zoo.common.labels import TASKS
from zoo.common.types import Image, Sample
from zoo.registry import find
from zoo.registry.package import Package

from .official_layouts import picture

IMAGE = Image(np.zeros((1, 2, 3), np.float32))
ROWS = {"boxes": 5, "points": 3, "ellipses": 6}


def one(labels, classes, name="a"):
    return Dataset([Record(name, "test", name, lambda: Sample(IMAGE, labels, name))], "here", classes)


def labelled(key, numbers):
    """Write class numbers as the label of a task."""
    if key == "label":
        return np.array(numbers[0], np.int64)
    if key == "mask":
        return np.array(numbers, np.int16).reshape(1, -1)
    rows = np.arange(len(numbers) * ROWS[key], dtype=float).reshape(len(numbers), -1)
    rows[:, 0] = numbers
    return rows


@pytest.mark.parametrize("key", COUNTED)
def test_labels_of_equal_classes_are_renumbered_and_it_is_said_once(key):
    data = one({key: labelled(key, [2, 0, 1])}, ("a", "b", "c"))

    with pytest.warns(ZooWarning, match=r"counts its classes as a, b, c; .* the model's c, a, b") as heard:
        changed = aligned(data, ("c", "a", "b"), key)
        sample = next(iter(changed))

    assert len(heard) == 1 and changed.classes == ("c", "a", "b")
    np.testing.assert_array_equal(sample.labels[key], labelled(key, [0, 1, 2]))
    assert sample.labels[key].dtype == data[0].labels[key].dtype
    assert aligned(changed, ("c", "a", "b"), key) is changed


def test_every_task_with_classes_can_be_renumbered():
    first = {task: next(iter(labels)) for task, labels in TASKS.items()}

    assert {task for task, label in first.items() if label not in COUNTED} == {"instance-segmentation"}


def test_what_does_not_count_classes_stays_as_it_is():
    mask = np.array([[0, 1, 255]], np.int16)
    data = one({"label": np.array(1), "mask": mask}, ("covid", "normal"))

    with pytest.warns(ZooWarning):
        (place,) = aligned(data, ("normal", "covid"), "label")
    with pytest.warns(ZooWarning):
        (classes,) = aligned(one({"mask": mask}, ("a", "b")), ("b", "a"), "mask")

    assert int(place.labels["label"]) == 0
    np.testing.assert_array_equal(place.labels["mask"], mask)
    np.testing.assert_array_equal(classes.labels["mask"], [[1, 0, 255]])  # 255: not judged
    instances = one({"instances": mask}, ("cell",))
    assert aligned(instances, ("nucleus",), "instances") is instances


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("a", "d"), "Missing: b, c; too many: d. Name the classes alike"),
        (("a", "b"), "Missing: c; too many: none"),
        (("A", "b", "c "), "differ only in spelling"),
    ],
)
def test_other_classes_are_refused_with_what_is_missing_and_what_is_too_many(given, message):
    with pytest.raises(DataError, match=message):
        aligned(one({}, given), ("a", "b", "c"), "label")


def test_a_list_without_the_background_says_where_it_belongs():
    with pytest.raises(DataError, match=r"Add the background as the first line of classes\.txt"):
        renumber(("lung",), ("background", "lung"), "here")
    assert misspelt(("Left lung",), ("left_lung",)) and not misspelt(("a",), ("a",)) and not misspelt(("a",), ("b",))


@pytest.mark.parametrize("key", COUNTED)
def test_numbers_without_names_are_taken_as_they_are_but_not_beyond_the_model(key):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (sample,) = aligned(one({key: labelled(key, [1, 0])}, ()), ("a", "b"), key)
    np.testing.assert_array_equal(sample.labels[key], labelled(key, [1, 0]))

    with pytest.raises(DataError, match=f"a: {key} holds class 2; the model counts 2"):
        list(aligned(one({key: labelled(key, [2, 0])}, ()), ("a", "b"), key))
    if key in ROWS:
        (empty,) = aligned(one({key: np.zeros((0, ROWS[key]))}, ()), ("a", "b"), key)
        assert empty.labels[key].shape == (0, ROWS[key])


def test_a_mask_of_greys_is_not_told_to_name_a_hundred_classes():
    with pytest.raises(DataError, match=r"holds class 128; .* Is it a picture of greys"):
        list(aligned(one({"mask": labelled("mask", [128, 0])}, ()), ("a", "b"), "mask"))


def test_localisation_counts_normal_pictures_as_0_whatever_the_alphabet_says(tmp_path):
    for name in "ab":
        picture(tmp_path / f"{name}.png")
    (tmp_path / "manifest.csv").write_text("image,label,mask,split\na.png,covid,,train\nb.png,normal,,test\n")

    data = open_dataset(tmp_path, "localisation")

    assert data.classes == ("normal", "covid")
    assert ["mask" in sample.labels for sample in data] == [False, True]


@pytest.mark.parametrize("written", ["lesion\nbackground\n", "lung\nlesion\nBack-ground\n", "lesion\nBG\n"])
def test_masks_whose_list_of_classes_ends_with_the_background_are_refused(written, tmp_path):
    for name in "abc":
        for kind in ("images", "masks"):
            picture(tmp_path / kind / f"{name}.png", np.eye(8, dtype=np.uint8))
    (tmp_path / "classes.txt").write_text(written)

    last = written.split()[-1]
    with pytest.raises(DataError, match=f"number 0 'l.*' and number . '{last}'; expected the background as number 0"):
        open_dataset(tmp_path, "segmentation")


def test_a_background_may_stand_anywhere_where_no_mask_counts_it(tmp_path):
    for name in ("background", "alpha"):
        picture(tmp_path / "train" / name / f"{name}.png", np.eye(8, dtype=np.uint8))

    assert open_dataset(tmp_path, "classification").classes == ("alpha", "background")


def test_a_model_of_masks_has_its_background_first():
    algorithm = Package(find("2D-UNet"))

    with pytest.raises(ConfigError, match=r"'background' is number 1 of .*; expected 0"):
        algorithm.algorithm(algorithm.config.Config(classes=("lung", "background")))
