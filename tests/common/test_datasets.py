"""Every official layout, own folders and manifests; splits that keep a patient on one side."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.datasets import open_dataset
from zoo.common.datasets.covid_ct_wll import split_of
from zoo.common.errors import DataError

SHARED = Path(__file__).parents[3] / "shared" / "data"  # the real data sets, on the machines that have them


def picture(path, value=50, size=(6, 8)):
    """Write a grey picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.full(size, value, np.uint8)).save(path)


def table(path, header, rows):
    """Write a CSV."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def wll_official(root):
    """Lay out the authors' repository, with one slice in each range and each guard band."""
    for folder, ids in {"lesion": (2, 3200, 3300, 3341, 3900, 4000), "normal": (13, 6100, 6290, 8000)}.items():
        for number in ids:
            picture(root / "data" / "gan" / folder / f"{folder}_{number}.png", value=number % 200)
            picture(root / "data" / "gan" / "eval" / folder / f"{folder}_{number}.png")


def wll_reduced(root):
    rows = [
        (f"images/{name}.png", label, 7, split)
        for name, label, split in (("lesion_2", 1, "train"), ("normal_13", 0, "val"), ("lesion_4000", 1, "test"))
    ]
    for row in rows:
        picture(root / row[0])
    table(root / "split.csv", ("image", "label", "slice_id", "split"), rows)


def ucsd_official(root):
    for folder in ("COVID", "NonCOVID"):
        for split in ("train", "val", "test"):
            name = f"2020.{split} {folder}%1.png"  # as odd as the real ones
            picture(root / "Images-processed" / f"CT_{folder}" / name)
            listing = root / "Data-split" / folder / f"{split}CT_{folder}.txt"
            listing.parent.mkdir(parents=True, exist_ok=True)
            listing.write_text(name + "\n\n")


def ucsd_reduced(root):
    rows = [
        ("images/COVID/c0.jpg", 1, "train", "Patient 1"),
        ("images/COVID/c1.jpg", 1, "train", "Patient 1"),
        ("images/NonCOVID/n0.jpg", 0, "test", "Patient 1"),
        ("images/NonCOVID/n1.jpg", 0, "val", ""),
    ]
    for row in rows:
        picture(root / row[0])
    table(root / "split.csv", ("file", "label", "split", "patient"), rows)


LAYOUTS = {  # writer: (label, split) of every case
    wll_official: {(1, "train"): 2, (1, "val"): 1, (1, "test"): 1, (0, "train"): 1, (0, "val"): 1, (0, "test"): 1},
    wll_reduced: {(1, "train"): 1, (0, "val"): 1, (1, "test"): 1},
    ucsd_official: dict.fromkeys([(label, split) for label in (0, 1) for split in ("train", "val", "test")], 1),
    ucsd_reduced: {(1, "train"): 2, (0, "test"): 1, (0, "val"): 1},
}


@pytest.mark.parametrize("write", LAYOUTS)
def test_official_layouts_are_recognised_and_read(write, tmp_path):
    write(tmp_path)

    data = open_dataset(tmp_path, "classification")

    found = Counter(
        (int(sample.labels["label"]), record.split) for sample, record in zip(data, data.records, strict=True)
    )
    assert found == Counter(LAYOUTS[write])
    assert data.classes == ("normal", "covid")
    assert data[0].image.array.shape == (1, 6, 8)


@pytest.mark.parametrize("write", LAYOUTS)
def test_official_layouts_say_which_task_they_serve(write, tmp_path):
    write(tmp_path)

    with pytest.raises(DataError, match=r"classification.*not for ellipse-detection"):
        open_dataset(tmp_path, "ellipse-detection")


def test_slices_between_the_ranges_are_left_out():
    lesion = [split_of("lesion", i) for i in (3200, 3201, 3340, 3341, 3880, 3881, 3999, 4000)]
    normal = [split_of("normal", i) for i in (6019, 6020, 6290, 7158, 7159, 7326)]

    assert lesion == ["train", None, None, "val", "val", None, None, "test"]
    assert normal == ["train", None, "val", "val", None, "test"]


def test_same_patient_number_in_the_two_classes_is_two_patients(tmp_path):
    ucsd_reduced(tmp_path)

    assert set(open_dataset(tmp_path, "classification").groups) == {"COVID Patient 1", "NonCOVID Patient 1", "n1.jpg"}


def test_slices_without_patients_stand_alone_and_train_localisers_by_label(tmp_path):
    ucsd_reduced(tmp_path)
    rows = [("images/COVID/c0.jpg", 1, "train"), ("images/NonCOVID/n0.jpg", 0, "test")]
    table(tmp_path / "split.csv", ("file", "label", "split"), rows)

    data = open_dataset(tmp_path, "localisation")

    assert data.groups == ("c0.jpg", "n0.jpg") and [int(s.labels["label"]) for s in data] == [1, 0]


def test_covid_is_class_one_although_its_authors_say_zero(tmp_path):
    ucsd_official(tmp_path)

    data = open_dataset(tmp_path, "classification")

    assert all(int(sample.labels["label"]) == ("NonCOVID" not in sample.image.name) for sample in data)


def test_missing_list_of_the_official_split_is_named(tmp_path):
    ucsd_official(tmp_path)
    (tmp_path / "Data-split" / "COVID" / "valCT_COVID.txt").unlink()

    with pytest.raises(DataError, match=r"valCT_COVID\.txt.*is missing"):
        open_dataset(tmp_path, "classification")


# --- own data --------------------------------------------------------------------------------------------------------


def test_folders_of_splits_and_classes(tmp_path):
    for split, name in (("train", "sick"), ("train", "healthy"), ("test", "sick")):
        picture(tmp_path / split / name / "a.png")

    data = open_dataset(tmp_path, "classification")

    assert data.classes == ("healthy", "sick")
    assert [int(sample.labels["label"]) for sample in data.split("train")] == [0, 1]
    assert len(data.split("test")) == 1


def test_folders_of_classes_get_a_drawn_split(tmp_path):
    for name in ("sick", "healthy"):
        for number in range(20):
            picture(tmp_path / name / f"{number}.png")

    data = open_dataset(tmp_path, "classification", seed=1)

    sizes = {split: len(data.split(split)) for split in ("train", "val", "test")}
    assert sizes == {"train": 28, "val": 6, "test": 6}
    again, other = (open_dataset(tmp_path, "classification", seed=seed).records for seed in (1, 2))
    assert [r.split for r in again] == [r.split for r in data.records] != [r.split for r in other]


def test_classes_txt_sets_the_order_of_the_classes(tmp_path):
    for name in ("covid", "normal"):
        picture(tmp_path / "test" / name / "a.png")
    (tmp_path / "classes.txt").write_text("normal\ncovid\n")

    data = open_dataset(tmp_path, "classification")

    assert {r.name.split("/")[1]: int(r.load().labels["label"]) for r in data.records} == {"normal": 0, "covid": 1}


HEADER = ("image", "label", "split", "group", "pixel_mm")


def manifest(root, rows, header=HEADER, name="manifest.csv"):
    """Write a CSV and the pictures it names; return its path."""
    for row in rows:
        picture(root / row[0])
    table(root / name, header, rows)
    return root / name


def test_manifest_brings_labels_groups_splits_and_spacing(tmp_path):
    rows = [("x/a.png", "cat", "train", "p1", "0.5"), ("b.png", "dog", "test", "p2", "")]
    data = open_dataset(manifest(tmp_path, rows), "classification")

    assert data.classes == ("cat", "dog")
    assert data.groups == ("p1", "p2")
    assert data[0].image.spacing_mm == (0.5, 0.5) and data[1].image.spacing_mm is None
    assert [int(sample.labels["label"]) for sample in data] == [0, 1]


def test_jsonl_manifest_equals_the_csv(tmp_path):
    rows = [("a.png", "1", "train", "p1", "0.5"), ("b.png", "0", "test", "p2", "0.25")]
    expected = open_dataset(manifest(tmp_path, rows), "classification")
    lines = [json.dumps(dict(zip(HEADER, (r[0], int(r[1]), r[2], r[3], float(r[4])), strict=True))) for r in rows]
    (tmp_path / "other.jsonl").write_text("\n".join(lines))

    found = open_dataset(tmp_path / "other.jsonl", "classification")

    assert [(r.name, r.split, r.group) for r in found.records] == [(r.name, r.split, r.group) for r in expected.records]
    assert [s.labels for s in found] == [s.labels for s in expected]
    assert [s.image.spacing_mm for s in found] == [s.image.spacing_mm for s in expected]


def test_ellipses_of_one_picture_stand_on_several_lines(tmp_path):
    header = ("image", "label", "cx", "cy", "a", "b", "theta", "split")
    rows = [
        ("a.png", "heart", 3, 2, 2, 1, 0.5, "train"),
        ("a.png", "thorax", 4, 3, 3, 2, 0, "train"),
        ("b.png", "", "", "", "", "", "", "test"),
    ]

    data = open_dataset(manifest(tmp_path, rows, header), "ellipse-detection")

    assert data.classes == ("heart", "thorax")
    np.testing.assert_array_equal(data[0].labels["ellipses"], [[0, 3, 2, 2, 1, 0.5], [1, 4, 3, 3, 2, 0]])
    assert data[1].labels["ellipses"].shape == (0, 6)


BROKEN = [
    ([("a.png", "cat", "train", "p", "x")], "line 2: pixel_mm = 'x'"),
    ([("a.png", "", "train", "p", "")], "line 2: column 'label' is missing or empty"),
    ([("a.png", "cat", "learn", "p", "")], "split 'learn'"),
    ([("a.png", "cat", "train", "p", ""), ("b.png", "cat", "", "q", "")], "split ''"),
    ([("a.png", "cat", "train", "p", ""), ("b.png", "cat", "test", "p", "")], "group 'p' is in two splits"),
    ([], "holds no line of data"),
]


@pytest.mark.parametrize(("rows", "message"), BROKEN)
def test_broken_manifest_is_refused_with_its_line(rows, message, tmp_path):
    with pytest.raises(DataError, match=message):
        open_dataset(manifest(tmp_path, rows), "classification")


def test_missing_picture_is_named(tmp_path):
    path = manifest(tmp_path, [("a.png", "cat", "train", "", "")])
    (tmp_path / "a.png").unlink()

    with pytest.raises(DataError, match=r"line 2: there is no file .*a\.png"):
        open_dataset(path, "classification")


@pytest.mark.parametrize(
    ("text", "message"), [("photo,label\na.png,1", "expected `image`"), ("image,label\na", "1 cells")]
)
def test_manifest_with_other_columns_is_refused(text, message, tmp_path):
    (tmp_path / "labels.csv").write_text(text)

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path, "classification")


def test_ellipse_whose_axes_are_swapped_is_refused(tmp_path):
    header = ("image", "cx", "cy", "a", "b", "theta")

    with pytest.raises(DataError, match="a >= b"):
        open_dataset(manifest(tmp_path, [("a.png", 3, 2, 1, 2, 0)], header), "ellipse-detection")


@pytest.mark.parametrize("write", [wll_reduced, ucsd_reduced])
def test_patients_in_a_table_that_looks_like_a_known_set_are_kept(write, tmp_path):
    write(tmp_path)
    with (tmp_path / "split.csv").open(newline="") as file:
        header, *lines = [row for row in csv.reader(file)]
    if "patient" in header:
        lines = [[cell for name, cell in zip(header, line, strict=True) if name != "patient"] for line in lines]
        header.remove("patient")
    table(tmp_path / "split.csv", [*header, "Patient ID"], [[*line, f"p{i}"] for i, line in enumerate(lines)])

    groups = open_dataset(tmp_path, "classification").groups

    assert [group.split()[-1] for group in groups] == [f"p{i}" for i in range(len(groups))]


def test_unknown_folder_says_what_was_tried_and_what_is_there(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")

    with pytest.raises(DataError, match=r"tried the layouts .*covid_ct_wll.*holds notes\.txt"):
        open_dataset(tmp_path, "classification")


def test_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        open_dataset(tmp_path / "nowhere", "classification")


@pytest.mark.parametrize(
    ("path", "said"), [("", "empty path"), (5, "int given"), ("a" * 5000, "no such file"), ("a\0", "no real path")]
)
def test_what_is_no_path_of_data_is_said(path, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.npy").touch()

    with pytest.raises(DataError, match=said):
        open_dataset(path, "classification")


@pytest.mark.parametrize("arguments", [("painting", None), ("classification", "cocoa")])
def test_unknown_task_or_layout_lists_the_known_ones(arguments, tmp_path):
    with pytest.raises(DataError, match="choose one of"):
        open_dataset(tmp_path, arguments[0], layout=arguments[1])


# --- the real ones ---------------------------------------------------------------------------------------------------

SIZES = {
    "covid_ct_wll": {"train": 2950, "val": 393, "test": 504},
    "covid_ct_ucsd": {"train": 425, "val": 118, "test": 203},
}


@pytest.mark.parametrize("name", SIZES)
def test_real_data_set_has_the_published_split(name):
    if not (SHARED / name).is_dir():
        pytest.skip(f"{SHARED / name} is not on this machine")

    data = open_dataset(SHARED / name, "classification")

    assert Counter(record.split for record in data.records) == SIZES[name]
    assert data[0].image.array.max() > 50
