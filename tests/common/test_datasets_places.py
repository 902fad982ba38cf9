"""Points, boxes and ellipses lie in their picture; boxes.csv is read however its columns are called."""

import json

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.datasets import open_dataset
from zoo.common.datasets.places import within
from zoo.common.errors import DataError, ZooWarning

WIDTH, HEIGHT = 30, 20
NAMES = ("a", "b", "c")


def pictures(root):
    (root / "images").mkdir()
    for name in NAMES:
        Pillow.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)).save(root / "images" / f"{name}.png")
    return root


def paired(root, table, header, values):
    lines = [",".join(header), *(f"{name},{','.join(map(str, values))}" for name in NAMES)]
    (pictures(root) / table).write_text("\n".join(lines) + "\n")


def with_paths(text):
    header, *lines = text.splitlines()
    changed = ["images/" + line.replace(",", ".png,", 1) for line in lines]
    return "\n".join([header, *changed]) + "\n"


def coco(root, x, y, w, h):
    images = [{"id": i, "file_name": f"{name}.png"} for i, name in enumerate(NAMES)]
    notes = [{"image_id": 1, "category_id": 0, "bbox": [x, y, w, h]}]
    content = {"images": images, "annotations": notes, "categories": [{"id": 0, "name": "cell"}]}
    (pictures(root) / "boxes.json").write_text(json.dumps(content))


def voc(root, x1, y1, x2, y2):
    pictures(root)
    (root / "Annotations").mkdir()
    box = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), (x1, y1, x2, y2), strict=True))
    for name in NAMES:
        text = f"<annotation><object><name>cell</name><bndbox>{box}</bndbox></object></annotation>"
        (root / "Annotations" / f"{name}.xml").write_text(text)


def load_all(root, task):
    return [sample.labels for sample in open_dataset(root, task)]


@pytest.mark.parametrize("place", [(31, 5), (5, 21), (-2, 5), (5, -1.5), (500, 500)])
@pytest.mark.parametrize("table", ["points.csv", "manifest.csv"])
def test_a_point_outside_its_picture_is_refused_by_its_line(table, place, tmp_path):
    paired(tmp_path, table, ("image", "x", "y"), place)
    if table == "manifest.csv":
        (tmp_path / table).write_text(with_paths((tmp_path / table).read_text()))

    with pytest.raises(DataError, match=rf"{table}, line 2: .*{place[0]:g}, {place[1]:g} lies outside.* 30 x 20 px"):
        load_all(tmp_path, "point-detection")


@pytest.mark.parametrize("place", [(0, 0), (29, 19), (30, 20), (-0.5, 19.5), (1, 20)])
def test_points_may_be_counted_from_0_or_1_and_from_centres_or_corners(place, tmp_path):
    paired(tmp_path, "points.csv", ("id", "x", "y"), place)

    np.testing.assert_array_equal(load_all(tmp_path, "point-detection")[0]["points"], [[0, *place]])


@pytest.mark.parametrize("box", [(31, 2, 4, 4), (-9, 2, 9, 4), (3, 25, 4, 4), (3, 2, 0, 4), (3, 2, 4, -1)])
def test_boxes_outside_or_without_an_area_are_refused_in_every_layout(box, tmp_path):
    x, y, w, h = box
    for layout in ("json", "csv", "voc", "manifest"):
        (root := tmp_path / layout).mkdir()
        if layout == "json":
            coco(root, *box)
        elif layout == "voc":
            voc(root, x + 1, y + 1, x + w, y + h)
        elif layout == "csv":
            paired(root, "boxes.csv", ("id", "x", "y", "width", "height"), box)
        else:
            paired(root, "manifest.csv", ("image", "x1", "y1", "x2", "y2"), (x, y, x + w, y + h))
            (root / "manifest.csv").write_text(with_paths((root / "manifest.csv").read_text()))
        with pytest.raises(DataError, match=r"(boxes|voc|manifest).*(lies outside its picture|expected x2 > x1)"):
            load_all(root, "detection")


def test_boxes_that_reach_over_the_border_are_cut_there(tmp_path):
    coco(tmp_path, -3, 15, 10, 10)

    np.testing.assert_array_equal(load_all(tmp_path, "detection")[1]["boxes"], [[0, 0, 15, 7, 20]])


def test_an_ellipse_may_pass_the_border_but_not_leave_the_picture():
    large = np.array([[0, 15, 10, 25, 18, 0.0]])
    np.testing.assert_array_equal(within("ellipses", large, (20, 30), ["x"]), large)

    with pytest.raises(DataError, match="x: 60, 10, 25, 18, 0 lies outside"):
        within("ellipses", np.array([[0, 60, 10, 25, 18, 0.0]]), (20, 30), ["x"])


def test_places_in_volumes_are_compared_with_all_three_sides():
    box = np.array([[0, 1, 1, 3, 3, 6, 9.0]])
    np.testing.assert_array_equal(within("boxes", box, (8, 10, 12), ["x"]), [[0, 1, 1, 3, 3, 6, 8]])

    for key, row in (("boxes", [0, 1, 1, 3, 3, 8, 9]), ("points", [0, 11, 9, 9])):
        with pytest.raises(DataError, match="12 x 10 x 8 px"):
            within(key, np.array([row], float), (8, 10, 12), ["x"])


HEADERS = {
    ("x1", "y1", "x2", "y2"): (2, 3, 7, 9),
    ("x0", "y0", "x1", "y1"): (2, 3, 7, 9),
    ("XMin", "YMin", "XMax", "YMax"): (2, 3, 7, 9),
    ("x", "y", "width", "height"): (2, 3, 5, 6),
    ("X", "Y", "W", "H"): (2, 3, 5, 6),
}


@pytest.mark.parametrize(("header", "values"), HEADERS.items(), ids=["-".join(names) for names in HEADERS])
def test_boxes_of_a_table_are_read_however_they_are_given(header, values, tmp_path):
    paired(tmp_path, "boxes.csv", ("filename", *header, "label"), (*values, "cell"))

    data = open_dataset(tmp_path, "detection")

    assert data.classes == ("cell",)
    assert [sample.labels["boxes"].tolist() for sample in data] == [[[0, 2, 3, 7, 9]]] * 3


def test_classes_of_a_table_of_boxes_are_names_or_numbers_in_the_order_of_classes_txt(tmp_path):
    text = "id,x1,y1,x2,y2,class\na,1,1,2,2,{}\na,1,1,3,3,{}\nb,,,,,\nc,1,1,2,2,{}\n"
    (pictures(tmp_path) / "boxes.csv").write_text(text.format("red", "blue", "red"))
    assert open_dataset(tmp_path, "detection").classes == ("blue", "red")

    for names in (("red", "blue", "red"), (0, 1, 0)):
        (tmp_path / "boxes.csv").write_text(text.format(*names))
        (tmp_path / "classes.txt").write_text("red\nblue\n")
        data = open_dataset(tmp_path, "detection")
        assert data.classes == ("red", "blue")
        assert [sample.labels["boxes"][:, 0].tolist() for sample in data] == [[0, 1], [], [0]]

    (tmp_path / "boxes.csv").write_text(text.format("red", "green", "red"))
    with pytest.raises(DataError, match=r"boxes\.csv, line 3: label 'green'; expected red, blue"):
        open_dataset(tmp_path, "detection")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,x1,y1,x2,y2\nz,1,1,2,2\n", r"boxes\.csv: 1 name.* such as 'z'"),
        ("id,cx,cy,w,h\na,1,1,2,2\n", r"boxes\.csv: columns id, cx, cy, w, h; expected one of: x1, y1, x2, y2; "),
        ("id,x1,y1,x2,y2\na,1,1,,2\n", r"boxes\.csv, line 2: column 'x2' is missing or empty"),
        ("x1,y1,x2,y2\n1,1,2,2\n", "expected `id` or `image`"),
    ],
)
def test_a_table_of_boxes_that_cannot_be_understood_is_refused_by_name(text, message, tmp_path):
    (pictures(tmp_path) / "boxes.csv").write_text(text)

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path, "detection")


def test_an_image_without_a_line_has_no_box_and_is_warned_of(tmp_path):
    (pictures(tmp_path) / "Boxes.tsv").write_text("id\tx\ty\twidth\theight\na\t1\t1\t2\t2\n")

    with pytest.warns(ZooWarning, match=r"2 images without a line in Boxes\.tsv"):
        data = open_dataset(tmp_path, "detection")

    assert [len(sample.labels["boxes"]) for sample in data] == [1, 0, 0]


def test_two_files_of_boxes_are_refused(tmp_path):
    coco(tmp_path, 1, 1, 2, 2)
    (tmp_path / "boxes.csv").write_text("id,x1,y1,x2,y2\na,1,1,2,2\n")

    with pytest.raises(DataError, match=r"boxes\.json and boxes\.csv both hold boxes"):
        open_dataset(tmp_path, "detection")
