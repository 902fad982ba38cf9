"""Data sets of pictures in their official layouts: splits, points, outlines, ellipses."""

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.datasets import open_dataset
from zoo.common.datasets.monuseg import draw_instances, read_outlines
from zoo.common.datasets.polygons import fill_polygon
from zoo.common.errors import DataError

from .official_layouts import SHARED, XML, bcdata, clinic, endoscope, etis, ffcv, focus, monuseg, pranet, splits, table


def test_bcdata_reads_points_of_both_kinds(tmp_path):
    bcdata(tmp_path)

    data = open_dataset(tmp_path, "point-detection")

    assert splits(data) == {"train": 2, "val": 2, "test": 2} and data.classes == ("negative", "positive")
    assert [record.name for record in data.records][:2] == ["train/2", "train/10"]
    np.testing.assert_array_equal(data[0].labels["points"], [[1, 3, 7], [1, 20, 1]])
    np.testing.assert_array_equal(data[1].labels["points"], [[0, 5, 6], [1, 3, 7], [1, 20, 1]])


def test_bcdata_names_a_damaged_file(tmp_path):
    bcdata(tmp_path)
    (tmp_path / "annotations" / "train" / "positive" / "2.h5").write_bytes(b"nothing")

    with pytest.raises(DataError, match=r"positive/2\.h5: expected HDF5 with `coordinates`"):
        open_dataset(tmp_path, "point-detection")[0]


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_endoscope_brings_clearness_and_tissue(task, tmp_path):
    endoscope(tmp_path)

    data = open_dataset(tmp_path, task)

    assert [int(sample.labels["label"]) for sample in data] == [0, 2, 1]
    np.testing.assert_array_equal(np.unique(data[0].labels["mask"]), [0, 1, 2, 3, 255])
    assert data.groups == ("v1", "v2", "v3")
    assert data.classes[0] == {"classification": "clear", "segmentation": "outside"}[task]


def test_endoscope_keeps_a_video_on_one_side(tmp_path):
    endoscope(tmp_path)
    rows = (("a.png", "clear", "train", "v1"), ("b.png", "2", "val", "v1"), ("c.png", "1", "test", "v3"))
    table(tmp_path / "labels.csv", ("file", "clearness", "split", "video_id"), *rows)

    with pytest.raises(DataError, match="group 'v1' is in two splits"):
        open_dataset(tmp_path, "classification")


def test_pranet_keeps_its_split(tmp_path):
    pranet(tmp_path)

    data = open_dataset(tmp_path, "segmentation")

    assert splits(data) == {"train": 18, "val": 2, "test": 2}
    assert {r.name for r in data.records if r.split == "test"} == {"Kvasir/1", "ETIS-LaribPolypDB/1"}
    assert data.classes == ("background", "polyp")
    assert all(int(sample.labels["mask"].sum()) == 49 + 36 + 1 for sample in data.split("test"))


@pytest.mark.parametrize("write", [etis, clinic])
def test_archives_of_polyps_get_a_drawn_split(write, tmp_path):
    write(tmp_path)

    data = open_dataset(tmp_path, "segmentation")

    assert sum(splits(data).values()) == 6 and set(splits(data)) == {"train", "val", "test"}
    assert data[0].labels["mask"].sum() == 86


def test_boxes_of_polyps_come_from_their_masks_without_specks(tmp_path):
    etis(tmp_path)

    labels = open_dataset(tmp_path, "detection")[0].labels

    np.testing.assert_array_equal(labels["boxes"], [[0, 3, 2, 10, 9], [0, 14, 12, 20, 18]])
    np.testing.assert_array_equal(np.unique(labels["instances"]), [0, 1, 2])


def test_monuseg_draws_nuclei_of_which_the_first_wins(tmp_path):
    monuseg(tmp_path)

    data = open_dataset(tmp_path, "instance-segmentation")

    assert splits(data) == {"train": 2, "val": 1, "test": 1}
    instances = data[0].labels["instances"]
    assert (instances[2:6, 2:7] == 1).all() and (instances == 1).sum() == 20
    assert (instances[6:9, 5:] == 2).all() and (instances == 2).sum() == 3 * 19 + 2 * 17
    assert data[0].image.spacing_mm == pytest.approx((0.000252, 0.000252))


def test_monuseg_centroids_and_mask(tmp_path):
    monuseg(tmp_path)

    points = open_dataset(tmp_path, "point-detection")[0].labels["points"]

    np.testing.assert_allclose(points, [[0, 4.05, 3.5], [0, 17.25, 6.0]])
    assert open_dataset(tmp_path, "segmentation")[0].labels["mask"].max() == 1


def test_monuseg_training_set_alone_gets_a_drawn_split(tmp_path):
    monuseg(tmp_path, test=False)

    assert splits(open_dataset(tmp_path, "segmentation")) == {"train": 1, "val": 1, "test": 1}


def test_broken_xml_is_named(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text(XML[:300])

    with pytest.raises(DataError, match=r"a\.xml: not an Aperio annotation"):
        read_outlines(path)


def test_polygons_agree_with_scikit_image():
    draw = pytest.importorskip("skimage.draw")
    rng = np.random.default_rng(0)
    for _ in range(30):
        polygon = rng.uniform(-5, 35, (int(rng.integers(3, 12)), 2))
        expected = np.zeros((30, 32), bool)
        expected[draw.polygon(polygon[:, 1], polygon[:, 0], expected.shape)] = True

        assert ((draw_instances([polygon], (30, 32)) > 0) == expected).mean() > 0.999


def test_polygon_beyond_the_picture_draws_nothing():
    place, is_inside = fill_polygon(np.array([[50.0, 50], [60, 50], [60, 60]]), (30, 30))

    assert is_inside.size == 0 and np.zeros((30, 30))[place].size == 0


def test_ffcv_brings_thorax_and_heart_with_ordered_axes(tmp_path):
    ffcv(tmp_path)

    data = open_dataset(tmp_path, "ellipse-detection")

    assert splits(data) == {"train": 2, "val": 1} and data.classes == ("thorax", "heart")
    np.testing.assert_allclose(data[0].labels["ellipses"], [[0, 12, 10, 9, 5, 0.3 - np.pi / 2], [1, 12, 10, 4, 2, 0.3]])


def test_focus_turns_degrees_into_radians(tmp_path):
    focus(tmp_path)

    data = open_dataset(tmp_path, "ellipse-detection")

    assert splits(data) == {"train": 1, "val": 1, "test": 1} and data.classes == ("thorax", "heart")
    np.testing.assert_allclose(
        data[0].labels["ellipses"], [[1, 12, 10, 4, 2, np.pi / 2], [0, 12.5, 10, 9, 5, np.pi / 2]]
    )


def test_focus_names_a_line_that_it_cannot_read(tmp_path):
    focus(tmp_path)
    (tmp_path / "testing" / "annfiles_ellipse" / "001.txt").write_text("12 10 4 2 cardiac\n")

    with pytest.raises(DataError, match=r"001\.txt, line 1"):
        open_dataset(tmp_path, "ellipse-detection")[2]


def test_real_patches_of_luna16():
    if not (SHARED / "luna16_patches").is_dir():
        pytest.skip(f"{SHARED / 'luna16_patches'} is not on this machine")

    data = open_dataset(SHARED / "luna16_patches", "classification")

    assert splits(data) == {"train": 2202, "val": 230, "test": 764}
    assert data[0].image.array.shape == (1, 50, 50) and sum(int(s.labels["label"]) for s in data.split("train")) == 889


def test_real_polyps_in_the_packaging_of_pranet(tmp_path):
    real = SHARED / "kvasir_seg"
    if not real.is_dir():
        pytest.skip(f"{real} is not on this machine")
    for number, path in enumerate(sorted((real / "images").iterdir())[:12]):
        base = tmp_path / ("TestDataset/Kvasir" if number > 10 else "TrainDataset")
        for folder in ("images", "masks"):
            (base / folder).mkdir(parents=True, exist_ok=True)
        (base / "images" / path.name).symlink_to(path)
        mask = np.asarray(Pillow.open(real / "masks" / f"{path.stem}.png"))
        Pillow.fromarray(255 * mask).save(base / "masks" / f"{path.stem}.png")

    data = open_dataset(tmp_path, "detection")

    assert splits(data) == {"train": 10, "val": 1, "test": 1}
    assert all(len(sample.labels["boxes"]) for sample in data)
