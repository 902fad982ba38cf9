"""Splits and folds keep a patient on one side, depend on the seed alone, and come back from a file."""

import json
from collections import Counter
from pathlib import Path

import pytest

from zoo.common.datasets import Dataset, Record
from zoo.common.errors import DataError
from zoo.common.splits import check_files, check_groups, draw_folds, draw_splits, equal_images, read_split, write_split


def records(groups):
    """Make one record per group given."""
    return [Record(str(i), "", group, lambda: None) for i, group in enumerate(groups)]


def test_drawn_split_keeps_every_group_on_one_side():
    groups = [f"p{i}" for i in range(60) for _ in range(1 + i % 7)]

    drawn = draw_splits(records(groups), seed=0)

    assert all(len({r.split for r in drawn if r.group == group}) == 1 for group in set(groups))
    shares = Counter(r.split for r in drawn)
    assert abs(shares["train"] / len(groups) - 0.70) < 0.05 and abs(shares["val"] / len(groups) - 0.15) < 0.05


def test_drawn_split_does_not_depend_on_the_order_of_the_records():
    groups = [f"p{i}" for i in range(30)]

    forward = {r.group: r.split for r in draw_splits(records(groups), seed=5)}
    backward = {r.group: r.split for r in draw_splits(records(groups[::-1]), seed=5)}

    assert forward == backward


def test_two_groups_cannot_make_three_splits():
    with pytest.raises(DataError, match="cannot be divided"):
        draw_splits(records(["a", "a", "b"]), seed=0)


def test_empty_split_says_how_large_the_others_are():
    with pytest.raises(DataError, match="'train': 2"):
        Dataset([Record("a", "train", "a", lambda: None)] * 2, "here").split("val")


GROUPS = [f"p{i}" for i in range(23) for _ in range(1 + i % 5)]


def test_every_case_is_tested_once_and_groups_stay_together():
    turns = [draw_folds(records(GROUPS), 5, fold, seed=3) for fold in range(5)]

    tested = Counter(r.name for turn in turns for r in turn if r.split == "test")
    assert set(tested.values()) == {1} and len(tested) == len(GROUPS)
    for turn in turns:
        check_groups(turn, "here")
        assert abs(sum(r.split == "test" for r in turn) - len(GROUPS) / 5) <= 2


def test_folds_depend_on_the_seed_and_not_on_the_order():
    first = {r.name: r.split for r in draw_folds(records(GROUPS), 4, 0, seed=1)}

    assert first == {r.name: r.split for r in draw_folds(records(GROUPS)[::-1], 4, 0, seed=1)}
    assert first != {r.name: r.split for r in draw_folds(records(GROUPS), 4, 0, seed=2)}


@pytest.mark.parametrize(("folds", "fold"), [(2, 0), (5, 5), (24, 0)])
def test_impossible_folds_are_refused(folds, fold):
    with pytest.raises(DataError, match="expected 3 to 23 folds"):
        draw_folds(records(GROUPS), folds, fold, seed=0)


def test_stored_split_comes_back_with_its_seed(tmp_path):
    drawn = draw_folds(records(GROUPS), 5, 0, seed=9)

    path = write_split(tmp_path / "split.json", drawn, seed=9)

    assert json.loads(path.read_text())["seed"] == 9
    assert [r.split for r in read_split(path, records(GROUPS))] == [r.split for r in drawn]


def test_stored_split_of_other_cases_is_refused(tmp_path):
    path = write_split(tmp_path / "split.json", draw_folds(records(GROUPS), 5, 0, seed=9), seed=9)

    with pytest.raises(DataError, match=r"1 of .* cases are not in it"):
        read_split(path, records([*GROUPS, "new"]))
    with pytest.raises(DataError, match="not a stored split"):
        read_split(tmp_path / "nothing.json", records(GROUPS))


def test_a_data_set_says_how_its_split_was_drawn():
    data = Dataset(records(GROUPS), "here", ("a",), {"seed": 4})

    turn = data.fold(2, folds=4, seed=9)

    assert turn.drawn == {"seed": 9, "folds": 4, "fold": 2} and turn.classes == ("a",)
    assert [r.split for r in turn.records] == [r.split for r in draw_folds(records(GROUPS), 4, 2, seed=9)]
    assert turn.split("test").drawn == turn[:3].drawn == turn.drawn
    assert Dataset(records(GROUPS)).drawn == {}


def filed(name, split, path, part=None):
    return Record(name, split, name, lambda: None, (path,), part)


def test_one_file_is_one_case_however_its_path_is_spelled(tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    path = tmp_path / "images" / "a.png"
    path.write_bytes(b"a")
    (tmp_path / "link.png").symlink_to(path)
    monkeypatch.chdir(tmp_path)

    for other in ("images/a.png", "./images/../images/a.png", "link.png"):
        with pytest.raises(DataError, match=r"one \(train\) and two \(val\) are one file"):
            check_files([filed("one", "train", path), filed("two", "val", Path(other))], "here")
    check_files([filed("one", "train", path, 0), filed("two", "val", path, 1)], "here")  # slices of one file
    with pytest.raises(DataError, match="this image of here is missing"):
        check_files([filed("one", "train", tmp_path / "none.png")], "here")


def test_copies_on_two_sides_are_found_by_their_bytes(tmp_path):
    contents = {"a": b"x" * 200_000, "b": b"x" * 200_000, "c": b"y" * 200_000, "d": b"x" * 9, "e": b"x" * 200_000}
    contents["f"] = b"x" * 99_999 + b"z" + b"x" * 100_000  # like a at both ends
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    sides = {"a": "train", "b": "test", "c": "val", "d": "val", "e": "train", "f": "val"}

    pairs = equal_images([filed(name, side, tmp_path / name) for name, side in sides.items()])

    assert [(one.name, other.name) for one, other in pairs] == [("a", "b")]


def test_the_fold_of_a_cross_validation_is_described():
    turn = Dataset(records(GROUPS), "here", ("a",)).fold(2, folds=4, seed=9)

    assert "fold 2 of 4, drawn with seed 9; grouped, 23 groups" in turn.describe_split()
