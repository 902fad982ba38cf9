"""Folders as systems and people leave them: what nobody put there is no case, what somebody did is not lost."""

import os

import numpy as np
import pytest

from zoo.common.datasets import open_dataset
from zoo.common.datasets.folders import Names, by_name, entries, files_of, find_name, matching, walk, without_suffix
from zoo.common.errors import DataError
from zoo.prediction.sources import folder_images

from . import official_layouts as layouts
from .official_layouts import picture, volume
from .test_datasets_broken import TASKS

LITTER = (
    ".ipynb_checkpoints/0-checkpoint.png",
    "@eaDir/SYNO_THUMB_M.png",
    "__MACOSX/0.png",
    "#recycle/old.png",
    "lost+found/x.png",
    "._0.png",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
)


def class_folders(root, *parents):
    for parent in parents or ("",):
        for name in ("covid", "normal"):
            for number in range(6):
                picture(root / parent / name / f"{number}.png", np.full((4, 4), number, np.uint8))
    return root


def litter(folder):
    for name in LITTER:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"\0\5\x16\7 no picture")


def names(data):
    return [(record.name, record.split, record.group) for record in data.records]


def test_folders_of_systems_are_no_classes_and_their_files_no_cases(tmp_path):
    before = names(open_dataset(class_folders(tmp_path), "classification"))
    for folder in (tmp_path, tmp_path / "covid", tmp_path / "normal"):
        litter(folder)

    data = open_dataset(tmp_path, "classification")

    assert data.classes == ("covid", "normal") and names(data) == before
    assert len(folder_images(tmp_path)) == len(before)


@pytest.mark.parametrize("write", [w for w in TASKS if w.__module__ == layouts.__name__], ids=lambda w: w.__name__)
def test_no_layout_reads_what_systems_leave(write, tmp_path):
    write(tmp_path)
    before = names(open_dataset(tmp_path, TASKS[write]))
    for folder in [tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir())]:
        for path in [path for path in folder.iterdir() if path.is_file()]:
            (folder / f"._{path.name}").write_bytes(b"\0\5\x16\7")
        litter(folder)

    assert names(open_dataset(tmp_path, TASKS[write])) == before


@pytest.mark.parametrize(
    "parents", [("train", "valid", "test"), ("training", "validation", "testing"), ("Train", "dev", "Test")]
)
def test_folders_of_splits_go_by_any_usual_name(parents, tmp_path):
    data = open_dataset(class_folders(tmp_path, *parents), "classification")

    assert data.classes == ("covid", "normal") and data.drawn == {}
    assert layouts.splits(data) == {"train": 12, "val": 12, "test": 12}
    assert "from folders named after splits" in data.describe_split()


@pytest.mark.parametrize("parents", [("train", "valid", "test"), ("training", "validation", "testing")])
def test_images_beside_masks_may_lie_in_folders_of_splits(parents, tmp_path):
    for parent in parents:
        for kind in ("images", "masks"):
            picture(tmp_path / parent / kind / "1.png", np.eye(4, dtype=np.uint8) + (kind == "images"))
    (tmp_path / "classes.txt").write_text("background\nlung\n")

    data = open_dataset(tmp_path, "segmentation")

    assert data.classes == ("background", "lung") and data.drawn == {}
    assert {(record.name, record.split) for record in data.records} == {
        (f"{parent}/1", split) for parent, split in zip(parents, ("train", "val", "test"), strict=True)
    }


def spoil_nested(root):
    picture(root / "covid" / "patient 1" / "9.png")


def spoil_beside_splits(root):
    class_folders(root, "train", "val")


def spoil_two_validations(root):
    for name in ("covid", "normal"):
        (root / name).rename(root / f"x{name}")
    for parent in ("train", "val", "valid"):
        for name in ("covid", "normal"):
            picture(root / parent / name / "1.png")
    for name in ("covid", "normal"):
        for path in (root / f"x{name}").iterdir():
            path.unlink()


def spoil_images(root):
    picture(root / "images" / "1.png")


def spoil_case(root):
    picture(root / "Covid" / "1.png")


def spoil_dead_link(root):
    (root / "covid" / "9.png").symlink_to(root / "nowhere.png")


def spoil_linked_twice(root):
    (root / "covid" / "9.png").symlink_to(root / "normal" / "1.png")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_nested, "patient 1: holds pictures that are not read"),
        (spoil_beside_splits, "covid: holds pictures that are not read"),
        (spoil_two_validations, "val/ and valid/ both mean val"),
        (spoil_images, "'images' is no class"),
        (spoil_case, "'Covid' and 'covid' are one name or nearly"),
        (spoil_dead_link, r"9\.png: a link to .*nowhere\.png, which is not there"),
        (spoil_linked_twice, "are one file"),
    ],
)
def test_pictures_that_would_be_lost_or_misplaced_are_refused(spoil, message, tmp_path):
    spoil(class_folders(tmp_path))

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path, "classification")


def test_pictures_straight_in_folders_of_splits_have_no_class(tmp_path):
    for split in ("train", "val", "test"):
        picture(tmp_path / split / "1.png")

    with pytest.raises(DataError, match="is no class; expected <class>"):
        open_dataset(tmp_path, "classification")


def test_linked_folders_are_followed_and_circles_end(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    class_folders(elsewhere)
    (tmp_path / "data").mkdir()
    for name in ("covid", "normal"):
        (tmp_path / "data" / name).symlink_to(elsewhere / name)
    assert len(open_dataset(tmp_path / "data", "classification")) == 12

    (elsewhere / "covid" / "again").symlink_to(elsewhere)
    assert sorted(path.name for path in walk(elsewhere / "covid"))[:1] == ["0.png"]


def test_linked_subjects_of_bids_are_read(tmp_path):
    layouts.bids(tmp_path / "data")
    moved = tmp_path / "sub-02"
    (tmp_path / "data" / "sub-02").rename(moved)
    (tmp_path / "data" / "sub-02").symlink_to(moved)
    (tmp_path / "data" / "derivatives" / "labels" / "sub-02").rename(tmp_path / "masks of 02")
    (tmp_path / "data" / "derivatives" / "labels" / "sub-02").symlink_to(tmp_path / "masks of 02")

    assert layouts.splits(open_dataset(tmp_path / "data", "segmentation")) == {"train": 1, "val": 1, "test": 1}


def test_subjects_of_bids_may_stand_without_sub_but_none_may_be_left_out(tmp_path):
    layouts.bids(tmp_path)
    (tmp_path / "participants.tsv").write_text("participant_id\tSplit\n01\tTrain\n02\tdev\n03\ttest\n")
    assert layouts.splits(open_dataset(tmp_path, "segmentation")) == {"train": 1, "val": 1, "test": 1}

    (tmp_path / "participants.tsv").write_text("participant_id\tsplit\nsub-01\ttrain\nsub-03\ttest\n")
    with pytest.raises(DataError, match="no line for sub-02; add one"):
        open_dataset(tmp_path, "segmentation")


def test_two_images_of_one_name_are_refused(tmp_path):
    for name in ("a.png", "b.png"):
        for kind in ("images", "masks"):
            picture(tmp_path / kind / name)
    picture(tmp_path / "images" / "a.jpg")

    with pytest.raises(DataError, match=r"a\.jpg and a\.png have one name"):
        open_dataset(tmp_path, "segmentation")


def test_images_one_folder_deeper_are_not_lost(tmp_path):
    picture(tmp_path / "images" / "a.png")
    picture(tmp_path / "images" / "more" / "b.png")

    with pytest.raises(DataError, match="1 images lie one folder deeper"):
        by_name(tmp_path / "images")


def test_a_name_is_found_as_written_then_without_case_then_without_zeros(tmp_path):
    there = Names((name, tmp_path) for name in ("001", "A", "b", "B", "case.1", "Straße", "07", "7"))

    found = {text: find_name(text, there, "here") for text in ("1", "1.png", "a", "b", "x/case.1.png", "case.1")}

    assert found == {"1": "001", "1.png": "001", "a": "A", "b": "b", "x/case.1.png": "case.1", "case.1": "case.1"}
    assert find_name("2", there, "here") is None and find_name("STRASSE", there, "here") == "Straße"
    with pytest.raises(DataError, match="'007' may mean 07 or 7"):
        find_name("007", there, "here")
    assert without_suffix("a.nii.gz") == "a" and without_suffix("a.1") == "a.1"


def test_listings_leave_clutter_out_and_name_every_file_that_is_read(tmp_path):
    litter(tmp_path)
    volume(tmp_path / "deep" / "a.mhd", np.zeros((2, 3, 4), np.int16))
    picture(tmp_path / "b.png")

    assert [path.name for path in entries(tmp_path)] == ["b.png", "deep"]
    assert [path.name for path in matching(tmp_path, "*/*.mhd")] == ["a.mhd"]
    assert [path.name for path in files_of(tmp_path / "deep" / "a.mhd", None, tmp_path / "b.png")] == [
        "a.mhd",
        "a.raw",
        "b.png",
    ]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_that_may_not_be_read_is_an_error_of_the_data(tmp_path):
    class_folders(tmp_path)
    (tmp_path / "covid").chmod(0)

    with pytest.raises(DataError, match="PermissionError"):
        open_dataset(tmp_path, "classification")
    (tmp_path / "covid").chmod(0o700)
