"""What 255 means in a mask, and who is left out: no case is white here and unknown there, or learned from unseen."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from zoo.common.datasets import open_dataset
from zoo.common.errors import DataError, ZooWarning
from zoo.common.labels import UNKNOWN
from zoo.common.methods import find_method
from zoo.common.methods.data import fitting

from ..common import official_layouts as layouts
from .test_data import MASK, draw_folder, save

LABELS = ("mask",)
SPLIT = "id,split\na,train\nb,val\nc,test\nd,train\n"


def scribbled_folder(root: Path, classes: str = "", scored: np.ndarray = MASK) -> Path:
    """Draw scribbles of a class, and two masks that are scored: one with the class, one of background and 255 alone."""
    draw_folder(root, "abcd", "")
    unknown = np.full((8, 8), UNKNOWN, np.uint8)
    unknown[6:] = 0
    scribbles = np.where(MASK, MASK, unknown)
    for name, mask in {"a": scribbles, "d": scribbles, "b": np.where(scored, scored, unknown), "c": unknown}.items():
        save(root / "masks" / f"{name}.png", mask.astype(np.uint8))
    (root / "split.csv").write_text(SPLIT)
    if classes:
        (root / "classes.txt").write_text(classes.replace(",", "\n"))
    return root


def test_255_that_is_white_in_one_mask_and_unknown_in_another_is_an_error(tmp_path: Path) -> None:
    data = open_dataset(scribbled_folder(tmp_path), "segmentation")

    with pytest.raises(DataError, match=r"c\.png: holds 0 and 255 alone.*b\.png holds 255 beside.*classes\.txt"):
        [record.load() for record in data.records]


def test_scribbles_in_the_validation_split_are_looked_at_before_a_run_begins(tmp_path: Path) -> None:
    scribbled_folder(tmp_path)
    (tmp_path / "split.csv").write_text(SPLIT.replace("c,test", "c,val"))

    with pytest.raises(DataError, match="expected one meaning"):
        fitting(open_dataset(tmp_path, "segmentation"), find_method("gated-crf"), LABELS)


@pytest.mark.parametrize("classes", ["background,heart,unknown", "background,heart,lung,liver"])
def test_255_is_unknown_in_all_masks_where_classes_txt_leaves_no_black_and_white(classes: str, tmp_path: Path) -> None:
    data = open_dataset(scribbled_folder(tmp_path, classes), "segmentation")

    assert {*np.unique(data.split("test")[0].labels["mask"])} == {0, UNKNOWN}
    assert {*np.unique(data.split("val")[0].labels["mask"])} == {0, 1, UNKNOWN}
    assert data.classes == tuple(name for name in classes.split(",") if name != "unknown")


def test_black_and_white_masks_are_scored_beside_scribbles_that_are_learned_from(tmp_path: Path) -> None:
    scribbled_folder(tmp_path)
    for name in "bc":
        save(tmp_path / "masks" / f"{name}.png", MASK * UNKNOWN)

    data = fitting(open_dataset(tmp_path, "segmentation"), find_method("gated-crf"), LABELS)

    assert all(np.array_equal(data.split(name)[0].labels["mask"], MASK) for name in ("val", "test"))
    assert (data.split("train")[0].labels["mask"] == UNKNOWN).any()


def test_a_numbered_object_of_255_is_no_unknown_pixel(tmp_path: Path) -> None:
    scribbled_folder(tmp_path)
    numbered = np.zeros((8, 8), np.uint8)
    numbered[:2], numbered[4:] = 7, 255
    for name in "abcd":
        save(tmp_path / "masks" / f"{name}.png", numbered)
    (tmp_path / "split.csv").write_text("id,split,n_nuclei\na,train,2\nb,val,2\nc,test,2\nd,train,2\n")

    data = fitting(open_dataset(tmp_path, "segmentation"), find_method("gated-crf"), LABELS)

    assert np.array_equal(data[0].labels["mask"], numbered > 0)


@pytest.mark.parametrize(("marked", "told"), [([1], "marks background"), ([0, 1], "marks lung"), ([0, 1, 2], None)])
def test_a_class_that_no_scribble_marks_is_told(marked: list[int], told: str | None, tmp_path: Path) -> None:
    scribbled_folder(tmp_path, "" if marked == [1] else "background,heart,lung")
    mask = np.full((8, 8), UNKNOWN, np.uint8)
    mask[0, : len(marked)] = marked
    for name in "ad":
        save(tmp_path / "masks" / f"{name}.png", mask)
    for name in "bc":
        save(tmp_path / "masks" / f"{name}.png", MASK)
    data = open_dataset(tmp_path, "segmentation")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitting(data, find_method("gated-crf"), LABELS)

    said = [str(one.message) for one in caught]
    assert (not said) if told is None else (len(said) == 1 and told in said[0])


def test_folds_keep_images_without_a_mask_apart(tmp_path: Path) -> None:
    draw_folder(tmp_path, "abcdefgh", "abcde")
    lines = "".join(f"{name},{group}\n" for name, group in zip("abcdefgh", "12345167", strict=True))
    (tmp_path / "split.csv").write_text("id,patient\n" + lines)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZooWarning)
        data = open_dataset(tmp_path, "segmentation", unlabelled=True)
        turns = [data.fold(turn, folds=5) for turn in range(5)]

    for turn in turns:
        scored = {record.name: record.group for record in turn.records if record.split in ("val", "test")}
        assert {*scored} <= {*"abcde"} and len(turn.split("train")) == 3
        assert {*"gh"} <= {record.name for record in turn.split("unlabelled").records} <= {*"fgh"}
        assert not {*scored.values()} & {record.group for record in turn.split("unlabelled").records}


def test_masks_known_to_be_wrong_of_a_tested_patient_are_left_out_and_said_so(tmp_path: Path) -> None:
    draw_folder(tmp_path, "abcde", "abcde")
    (tmp_path / "split.csv").write_text("id,split,patient\na,train,1\nb,val,2\nc,test,3\nd,noisy,3\ne,noisy,1\n")

    with pytest.warns(ZooWarning, match="1 images with a wrong mask are left out"):
        data = open_dataset(tmp_path, "segmentation")

    assert [record.name for record in data.split("noisy").records] == ["e"]


@pytest.mark.parametrize("task", ["segmentation", LABELS])
def test_images_of_bids_subjects_that_are_to_be_tested_are_not_learned_from(
    task: str | tuple[str, ...], tmp_path: Path
) -> None:
    layouts.bids(tmp_path)  # whose sub-04 has no mask
    with (tmp_path / "participants.tsv").open("a") as table:
        table.write("sub-04\tvalidation\n")

    with pytest.warns(ZooWarning, match=r"participants.tsv: 1 images of the validation or test split have no mask"):
        data = open_dataset(tmp_path, task, unlabelled=True)

    assert {record.group for record in data.records} == {"sub-01", "sub-02", "sub-03"}


def test_folders_of_images_without_a_mask_and_of_wrong_masks_lie_beside_those_of_the_splits(tmp_path: Path) -> None:
    for split, names, masked in (
        ("train", "ab", "ab"),
        ("val", "c", "c"),
        ("unlabelled", "de", ""),
        ("noisy", "f", "f"),
    ):
        draw_folder(tmp_path / split, names, masked)

    data = open_dataset(tmp_path, "segmentation", unlabelled=True)

    assert {record.name: record.split for record in data.records} == {
        **{"train/a": "train", "train/b": "train", "val/c": "val"},
        **{"unlabelled/d": "unlabelled", "unlabelled/e": "unlabelled", "noisy/f": "noisy"},
    }
    with pytest.warns(ZooWarning, match="2 images without a label are left out"):
        assert len(open_dataset(tmp_path, "segmentation")) == 4
