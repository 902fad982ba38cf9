"""Tables as people and their programs write them: right, or refused by name."""

import csv
import json
import warnings

import numpy as np
import pytest

from zoo.common.datasets import open_dataset
from zoo.common.datasets.tables import columns, read_table, rows, whole
from zoo.common.datasets.texts import read_class_list, read_names, read_text
from zoo.common.errors import DataError, ZooWarning

from .official_layouts import picture

NAMES = tuple(f"{number:03}" for number in range(6))
SPLIT = ("train", "train", "val", "val", "test", "test")
PATIENTS = ("p0", "p0", "p1", "p1", "p2", "p2")
PLAIN = [("id", "split", "patient"), *zip(NAMES, SPLIT, PATIENTS, strict=True)]


def pairs(root, names=NAMES):
    """Write images beside masks."""
    for kind in ("images", "masks"):
        for number, name in enumerate(names):
            picture(root / kind / f"{name}.png", np.eye(8, dtype=np.uint8) + (number if kind == "images" else 0))
    return root


def text(lines, delimiter=",", end="\n"):
    return end.join(delimiter.join(cells) for cells in lines) + end


def quoted(lines):
    return "\n".join(",".join(f'"{cell}"' for cell in cells) for cells in lines)


def renamed(*header):
    return text([header, *PLAIN[1:]])


WRITTEN = {
    "plain": text(PLAIN).encode(),
    "columns in another order": text([cells[::-1] for cells in PLAIN]).encode(),
    "semicolons, Windows' line ends and a mark": text(PLAIN, ";", "\r\n").encode("utf-8-sig"),
    "tabs in UTF-16": text(PLAIN, "\t").encode("utf-16"),
    "blanks after the commas": text(PLAIN, ", ").encode(),
    "all quoted": quoted(PLAIN).encode(),
    "Excel's first line": b"sep=;\n" + text(PLAIN, ";").encode(),
    "empty lines": ("\n" + text(PLAIN) + "\n,,\n\n").encode(),
    "empty cells beyond the header": text([PLAIN[0], *((*cells, "", "") for cells in PLAIN[1:])]).encode(),
    "comments": ("# by hand\n" + text(PLAIN[:3]) + "# the rest\n" + text(PLAIN[3:])).encode(),
    "an index without a name": text([("", *PLAIN[0]), *((str(i), *c) for i, c in enumerate(PLAIN[1:]))]).encode(),
    "capitals": renamed("ID", "Split", "Patient").encode(),
    "a blank before a name": renamed("id", " split", "patient").encode(),
    "patient_id": renamed("id", "split", "patient_id").encode(),
    "PatientID": renamed("Image ID", "data-split", "PatientID").encode(),
    "Pat. ID": renamed("id", "split", "Pat. ID").encode(),
    "MRN": renamed("id", "split", "MRN").encode(),
    "subject and subset": renamed("file", "subset", "subject").encode(),
    "paths": text([("image", *PLAIN[0][1:]), *((f"images/{c[0]}.png", *c[1:]) for c in PLAIN[1:])]).encode(),
    "paths of Windows": text([PLAIN[0], *((f"C:\\a\\{c[0]}.PNG", *c[1:]) for c in PLAIN[1:])]).encode(),
    "zeros lost": text([PLAIN[0], *((str(int(c[0])), *c[1:]) for c in PLAIN[1:])]).encode(),
    "other words": text(PLAIN).replace("train", "Training").replace("val", "valid").replace("test", "TESTING").encode(),
    "development": text(PLAIN).replace(",val", ",dev").encode(),
}


@pytest.mark.parametrize("name", ["Split.csv", "splits.csv", "data_split.csv", "split.tsv"])
def test_the_table_of_the_split_is_read_however_it_is_called(name, tmp_path):
    (pairs(tmp_path) / name).write_text(text(PLAIN, "\t" if name.endswith("tsv") else ","))

    data = open_dataset(tmp_path, "segmentation")

    assert [(record.split, record.group) for record in data.records] == list(zip(SPLIT, PATIENTS, strict=True))
    assert f"from column split of {name}; grouped by column patient" in data.describe_split()


def test_several_tables_of_the_split_are_refused(tmp_path):
    for name in ("split.csv", "splits.csv"):
        (pairs(tmp_path) / name).write_text(text(PLAIN))

    with pytest.raises(DataError, match=r"holds split\.csv, splits\.csv; expected one table"):
        open_dataset(tmp_path, "segmentation")


def test_a_split_is_not_drawn_beside_a_table_that_nobody_reads_without_a_word(tmp_path):
    (pairs(tmp_path) / "train.csv").write_text(text(PLAIN))

    with pytest.warns(ZooWarning, match=r"train\.csv is not read; if it says the split"):
        open_dataset(tmp_path, "segmentation")


@pytest.mark.parametrize("content", WRITTEN.values(), ids=WRITTEN)
def test_split_and_patients_are_kept_however_the_table_is_written(content, tmp_path):
    pairs(tmp_path)
    (tmp_path / "split.csv").write_bytes(content)

    data = open_dataset(tmp_path, "segmentation")

    assert [record.name for record in data.records] == list(NAMES)
    assert tuple(record.split for record in data.records) == SPLIT
    assert data.groups == PATIENTS and data.drawn == {}


REFUSED = {
    "a line without an image": (text([*PLAIN, ("gone", "train", "p9")]), "1 name.* such as 'gone'.*which holds '000'"),
    "a line twice": (text([*PLAIN, PLAIN[1]]), "line 8: repeats .*line 2"),
    "an image twice": (text([*PLAIN, ("000.png", "test", "p2")]), "line 8: repeats .*line 2"),
    "a gap": (text([PLAIN[0], ("000", "", "p0"), *PLAIN[2:]]), "1 of 6 cases have no split, such as 000"),
    "another word": (text(PLAIN).replace("val", "unused"), "002 has split 'unused'; expected one of train, val, test"),
    "a column twice": (renamed("id", "split", "Split"), "'split' is there twice"),
    "no name": (renamed("number", "split", "patient"), "columns number, split, patient; expected `id` or `image`"),
    "an empty name": (text([*PLAIN, ("", "train", "p9")]), "line 8: id is empty"),
    "one quote": (text(PLAIN).replace("\n000", '\n"000'), "unexpected end of data; expected cells in pairs of quotes"),
    "nothing": ("", "holds no line of data"),
    "a header alone": ("id,split\n", "holds no line of data"),
    "a cell too many": (text([*PLAIN, ("005", "test", "p2", "x")]), "line 8: 4 cells; expected 3"),
    "a cell without a column": (
        text([(*PLAIN[0], ""), *((*c, "x") for c in PLAIN[1:])]),
        "line 2: 'x' stands in a column without a name",
    ),
    "a patient on two sides": (text(PLAIN).replace("p1", "p0"), "group 'p0' is in two splits"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_a_table_that_cannot_be_meant_is_refused_by_name(content, message, tmp_path):
    pairs(tmp_path)
    (tmp_path / "split.csv").write_text(content)

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path, "segmentation")


def test_text_in_an_old_encoding_is_refused_and_zeros_are_no_text(tmp_path):
    pairs(tmp_path)
    (tmp_path / "split.csv").write_bytes(text(PLAIN).replace("patient", "Ärzte").encode("latin-1"))
    with pytest.raises(DataError, match=r"not UTF-8 text .* save it as UTF-8"):
        open_dataset(tmp_path, "segmentation")

    (tmp_path / "split.csv").write_bytes(b"id,split\n\0\0,train")
    with pytest.raises(DataError, match="bytes of 0"):
        open_dataset(tmp_path, "segmentation")


def test_images_without_a_line_are_left_out_with_a_warning(tmp_path):
    pairs(tmp_path)
    (tmp_path / "split.csv").write_text(text([*PLAIN[:2], *PLAIN[3:]]))

    with pytest.warns(ZooWarning, match="1 images without a line .* such as 001"):
        data = open_dataset(tmp_path, "segmentation")

    assert len(data) == 5


def test_a_misspelt_column_is_warned_of_and_unused_ones_are_named(tmp_path):
    pairs(tmp_path)
    (tmp_path / "split.csv").write_text(renamed("id", "split", "pateint"))

    with pytest.warns(ZooWarning, match="'pateint' is not read; if it is 'patient'"):
        data = open_dataset(tmp_path, "segmentation")

    assert "each image for itself (no part in the split, but for subgroups: pateint)" in data.describe_split()


def test_a_column_of_folds_is_not_taken_for_a_split_without_a_word(tmp_path):
    pairs(tmp_path)
    (tmp_path / "split.csv").write_text(text([("id", "fold"), *((n, str(i % 3)) for i, n in enumerate(NAMES))]))

    with pytest.warns(ZooWarning, match="'fold' holds no names of splits"):
        data = open_dataset(tmp_path, "segmentation")

    assert "drawn with seed 0" in data.describe_split()


def test_how_a_split_came_about_is_said_in_one_line(tmp_path):
    pairs(tmp_path)
    drawn = open_dataset(tmp_path, "segmentation").describe_split()
    (tmp_path / "split.csv").write_text(renamed("id", "Split", "patient_id"))
    given = open_dataset(tmp_path, "segmentation").describe_split()

    assert "drawn with seed 0, because the data brings no split; each image for itself, 6 groups of 6" in drawn
    expected = "2 train, 2 val, 2 test; from column Split of split.csv; grouped by column patient_id, 3 groups of 6"
    assert expected in given


def test_manifests_know_patients_and_splits_by_other_names(tmp_path):
    pairs(tmp_path)
    lines = [(f"images/{n}.png", f"masks/{n}.png", s.title(), p) for n, s, p in PLAIN[1:]]
    (tmp_path / "manifest.csv").write_text(text([("Image", "mask", "Split", "Patient ID"), *lines], ";"))

    data = open_dataset(tmp_path, "segmentation")

    assert data.groups == PATIENTS and tuple(record.split for record in data.records) == SPLIT
    assert data[0].group == "p0" and data.drawn == {}


def test_decimal_commas_are_numbers_where_cells_are_divided_otherwise(tmp_path):
    pairs(tmp_path)
    header = ("image", "cx", "cy", "a", "b", "theta", "pixel size (mm)")
    lines = [(f"images/{n}.png", "3,5", "4", "2,25", "1", "-0,5", "0,2") for n in NAMES]
    (tmp_path / "manifest.csv").write_text(text([header, *lines], ";"))

    sample = open_dataset(tmp_path, "ellipse-detection")[0]

    np.testing.assert_allclose(sample.labels["ellipses"], [[0, 3.5, 4, 2.25, 1, -0.5]])
    assert sample.image.spacing_mm == (0.2, 0.2)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("images/000.png", "1", "2", "train", "p0"), "line 8: repeats .*line 2"),
        (("images/000.png", "3", "4", "test", "p0"), "line 8: split 'test', but 'train' in .*line 2"),
        (("images/000.png", "3", "4", "train", "p2"), "line 8: patient 'p2', but 'p0' in .*line 2"),
        (("./images/000.png", "3", "4", "train", "p0"), r"are one file"),
        (("images/00.png", "3", "4", "train", "p0"), r"there is no file .*images/00\.png"),
    ],
)
def test_lines_of_one_image_that_contradict_are_refused(extra, message, tmp_path):
    pairs(tmp_path)
    lines = [(f"images/{n}.png", "1", "2", s, p) for n, s, p in PLAIN[1:]]
    (tmp_path / "manifest.csv").write_text(text([("image", "x", "y", "split", "patient"), *lines, extra]))

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path, "point-detection")


@pytest.mark.parametrize(
    ("header", "name", "message"),
    [
        (("id", "x", "y"), "z{}", "6 name.* such as 'z000'"),
        (("id", "px", "py"), "{}", "columns id, px, py; expected id, x, y"),
        (("who", "x", "y"), "{}", "expected `id` or `image`"),
    ],
)
def test_points_that_belong_to_no_image_are_refused(header, name, message, tmp_path):
    pairs(tmp_path)
    (tmp_path / "points.csv").write_text(text([header, *((name.format(n), "1", "2") for n in NAMES)]))

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path, "point-detection")


def test_an_image_without_points_says_so_by_a_line_or_is_warned_of(tmp_path):
    pairs(tmp_path)
    lines = [("Image", "X", "Y"), *((f"{n}.png", "1,5", "2") for n in NAMES[1:])]
    (tmp_path / "points.csv").write_text(text(lines, ";"))
    with pytest.warns(ZooWarning, match=r"1 images without a line in points\.csv.*such as 000"):
        assert open_dataset(tmp_path, "point-detection")[0].labels["points"].shape == (0, 3)

    (tmp_path / "points.csv").write_text(text([*lines, ("000", "", "")], ";"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = open_dataset(tmp_path, "point-detection")

    assert [len(sample.labels["points"]) for sample in data] == [0, 1, 1, 1, 1, 1]
    np.testing.assert_array_equal(data[1].labels["points"], [[0, 1.5, 2]])


def coco(root, files, categories=("a", "b")):
    images = [{"id": i, "file_name": file} for i, file in enumerate(files)]
    notes = [{"image_id": i, "category_id": i % len(categories), "bbox": [0, 0, 2, 2]} for i in range(len(files))]
    named = [{"id": i, "name": name} for i, name in enumerate(categories)]
    (root / "boxes.json").write_text(json.dumps({"images": images, "annotations": notes, "categories": named}))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([f"x{n}.png" for n in NAMES], "6 name.* such as 'x000.png'"),
        ([f"{n}.png" for n in NAMES[:-1]], "005 is not among its images"),
        ([*(f"{n}.png" for n in NAMES), "b/000.png"], "two entries mean 000"),
    ],
)
def test_boxes_that_fit_no_image_or_images_without_boxes_are_refused(files, message, tmp_path):
    coco(pairs(tmp_path), files)

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path, "detection")


def test_boxes_count_their_classes_as_classes_txt_does(tmp_path):
    coco(pairs(tmp_path), [f"images\\{n}.jpg" for n in NAMES])
    (tmp_path / "classes.txt").write_text("b\na\n")

    data = open_dataset(tmp_path, "detection")

    assert data.classes == ("b", "a")
    assert [int(sample.labels["boxes"][0, 0]) for sample in data] == [1, 0] * 3
    (tmp_path / "classes.txt").write_text("b\nc\n")
    with pytest.raises(DataError, match="Missing: c; too many: a"):
        open_dataset(tmp_path, "detection")


def test_labels_may_be_names_or_numbers_of_a_program(tmp_path):
    pairs(tmp_path)
    for written, classes in ((("sick", "well"), ("sick", "well")), (("0", "1.0"), ())):
        lines = [(n, s, written[i % 2]) for i, (n, s, _) in enumerate(PLAIN[1:])]
        (tmp_path / "split.csv").write_text(text([("id", "split", "Class"), *lines]))

        data = open_dataset(tmp_path, "classification")

        assert data.classes == classes
        assert [int(sample.labels["label"]) for sample in data] == [0, 1] * 3
    assert [whole(t) for t in ("3", "3.0", "-1", "1.5", "x", "")] == [3, 3, None, None, None, None]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_text_may_have_a_mark(encoding, tmp_path):
    pairs(tmp_path, ("case 1", "case 2", "case 3"))
    (tmp_path / "splits").mkdir()
    (tmp_path / "classes.txt").write_text("background\r\nleft lung\r\n", encoding=encoding)
    for split, name in (("train", "case 1"), ("valid", "case 2.png"), ("testing", "images/case 3.png")):
        (tmp_path / "splits" / f"{split}.txt").write_text(f"{name}\r\n\r\n", encoding=encoding)

    data = open_dataset(tmp_path, "segmentation")

    assert data.classes == ("background", "left lung")
    assert [(r.name, r.split) for r in data.records] == [("case 1", "train"), ("case 2", "val"), ("case 3", "test")]


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"train": "000", "fold1": "001"}, r"fold1\.txt: is no list of a split"),
        ({"train": "000\n001", "val": "001"}, "001 is in .*, too"),
        ({"train": "000\nnone"}, "1 name.* such as 'none'"),
    ],
)
def test_lists_that_contradict_are_refused(lists, message, tmp_path):
    pairs(tmp_path)
    (tmp_path / "splits").mkdir()
    for name, content in lists.items():
        (tmp_path / "splits" / f"{name}.txt").write_text(content)

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path, "segmentation")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no name given; expected one class per line"),
        ("0: normal\n1: covid\n", "lines such as '0: normal' given; expected one class per line and nothing else"),
        ("normal\nNormal \n", "are one name or nearly"),
    ],
)
def test_a_wrong_list_of_classes_says_what_to_do(content, message, tmp_path):
    (tmp_path / "classes.txt").write_text(content)

    with pytest.raises(DataError, match=message):
        read_class_list(tmp_path)


def test_small_readers(tmp_path):
    (tmp_path / "a.tsv").write_text("Index\tLong name\n1\ta, b\n")
    (tmp_path / "b.txt").write_text("# a list\n\n one name \n")

    assert columns(tmp_path / "a.tsv") == {"index", "long_name"} and columns(tmp_path / "none.csv") == set()
    assert rows(tmp_path / "a.tsv") == [{"index": "1", "long_name": "a, b"}]
    assert read_names(tmp_path / "b.txt") == ["one name"]
    with pytest.raises(DataError, match="cannot be read"):
        read_text(tmp_path / "none.txt")


def test_what_the_csv_module_writes_comes_back(tmp_path):
    cells = [["name", "note"], ['a "b", c', "two\nlines"], ["ä;ö", "tab\there"]]
    for delimiter in (",", ";", "\t"):
        with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=delimiter).writerows(cells)

        table = read_table(tmp_path / "t.csv")

        assert [list(line.values.values()) for line in table.lines] == cells[1:]
