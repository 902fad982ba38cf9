"""Every data set of the papers, written small in its official layout and read back."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image as Pillow

from zoo.common.datasets import open_dataset
from zoo.common.datasets.luna16 import Grid, read, slice_boxes
from zoo.common.datasets.mm_whs import VALUES, split_of
from zoo.common.datasets.monuseg import draw_instances, read_outlines
from zoo.common.datasets.polygons import fill_polygon
from zoo.common.errors import DataError

SHARED = Path(__file__).parents[3] / "shared" / "data"  # the real data sets, on the machines that have them


def picture(path, array=None, size=(20, 24), colour=False):
    """Write a picture, grey or colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.full(size, 90, np.uint8) if array is None else array
    Pillow.fromarray(np.stack([array] * 3, -1) if colour else array).save(path)


def volume(path, array, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0), direction=None):
    """Write a volume (z, y, x)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction is not None:
        image.SetDirection(direction)
    SimpleITK.WriteImage(image, str(path), useCompression=path.suffix == ".gz")


def splits(data):
    """Count the cases per split."""
    return dict(Counter(record.split for record in data.records))


def table(path, header, *rows):
    """Write a CSV."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


# --- COVID-19-20 -----------------------------------------------------------------------------------------------------


def covid_19_20(root):
    for i in range(6):
        stem = root / "COVID-19-20_v2" / "Train" / f"volume-covid19-A-000{i}"
        lesion = np.zeros((3, 5, 4), np.uint8)
        lesion[1, 2, 3] = i > 0
        volume(stem.with_name(stem.name + "_ct.nii.gz"), np.full((3, 5, 4), -700, np.int16), (0.7, 0.7, 5))
        volume(stem.with_name(stem.name + "_seg.nii.gz"), lesion, (0.7, 0.7, 5))
    volume(root / "COVID-19-20_v2" / "Validation" / "volume-covid19-A-0009_ct.nii.gz", np.zeros((3, 5, 4), np.int16))


def test_covid_19_20_reads_the_training_volumes(tmp_path):
    covid_19_20(tmp_path)

    data = open_dataset(tmp_path, "segmentation")

    assert len(data) == 6 and set(splits(data)) == {"train", "val", "test"}
    assert data.classes == ("background", "lesion")
    assert [int(sample.labels["mask"].sum()) for sample in data] == [0, 1, 1, 1, 1, 1]
    assert data[0].image.array.min() == -700
    assert data[0].image.spacing_mm == pytest.approx((5, 0.7, 0.7))


def test_covid_19_20_names_a_missing_mask(tmp_path):
    covid_19_20(tmp_path)
    (tmp_path / "COVID-19-20_v2" / "Train" / "volume-covid19-A-0003_seg.nii.gz").unlink()

    with pytest.raises(DataError, match=r"A-0003_seg\.nii\.gz: this mask is missing"):
        open_dataset(tmp_path, "segmentation")


# --- BCData ----------------------------------------------------------------------------------------------------------


def bcdata(root):
    h5py = pytest.importorskip("h5py")
    for split in ("train", "validation", "test"):
        for n in (2, 10):
            picture(root / "images" / split / f"{n}.png", colour=True)
            for kind, points in (
                ("positive", [[3, 7], [20, 1]]),
                ("negative", np.zeros((0, 2)) if n == 2 else [[5, 6]]),
            ):
                path = root / "annotations" / split / kind / f"{n}.h5"
                path.parent.mkdir(parents=True, exist_ok=True)
                with h5py.File(path, "w") as file:
                    file["coordinates"] = np.array(points, np.int64)


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


# --- Endoscope -------------------------------------------------------------------------------------------------------


def endoscope(root):
    mask = np.tile(np.array([0, 1, 2, 3, 255, 1], np.uint8), (20, 4))
    for name in ("a", "b", "c"):
        picture(root / "images" / f"{name}.png", colour=True)
        picture(root / "masks" / f"{name}.png", mask)
    rows = (("a.png", "clear", "train", "v1"), ("b.png", "2", "val", "v2"), ("c.png", "partly_obscured", "test", "v3"))
    table(root / "labels.csv", ("file", "clearness", "split", "video_id"), *rows)


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


# --- polyps ----------------------------------------------------------------------------------------------------------


def polyp_mask():
    """Draw two polyps with grey fringes and a speck."""
    mask = np.zeros((20, 24), np.uint8)
    mask[2:9, 3:10], mask[12:18, 14:20], mask[19, 23] = 255, 250, 255
    mask[9, 3:10], mask[1, 3:10] = 100, 3
    return mask


def pranet(root):
    for i in range(20):
        picture(root / "TrainDataset" / "images" / f"{i}.png", colour=True)
        picture(root / "TrainDataset" / "masks" / f"{i}.png", polyp_mask())
    for name in ("Kvasir", "ETIS-LaribPolypDB"):
        picture(root / "TestDataset" / name / "images" / "1.png", colour=True)
        picture(root / "TestDataset" / name / "masks" / "1.png", polyp_mask(), colour=True)


def etis(root):
    for i in range(1, 7):
        picture(root / "ETIS-LaribPolypDB" / f"{i}.tif", colour=True)
        picture(root / "Ground Truth" / f"p{i}.tif", polyp_mask(), colour=True)


def clinic(root):
    for i in range(1, 7):
        picture(root / "Original" / f"{i}.tif", colour=True)
        picture(root / "Ground Truth" / f"{i}.tif", polyp_mask())


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


# --- MoNuSeg ---------------------------------------------------------------------------------------------------------

XML = """<?xml version="1.0"?>
<Annotations MicronsPerPixel="0.252000"><Annotation Id="1"><Attributes/><Regions>
<RegionAttributeHeaders><AttributeHeader Id="9999" Name="Region"/></RegionAttributeHeaders>
<Region Id="1" Zoom="0.5"><Attributes/><Vertices><Vertex X="1.6" Y="1.5" Z="0"/><Vertex X="6.5" Y="1.5" Z="0"/>
<Vertex X="6.5" Y="5.5" Z="0"/><Vertex X="1.6" Y="5.5" Z="0"/></Vertices></Region>
<Region Id="2"><Vertices><Vertex X="4.5" Y="3.5"/><Vertex X="30" Y="3.5"/><Vertex X="30" Y="8.5"/>
<Vertex X="4.5" Y="8.5"/></Vertices></Region>
<Region Id="3"><Vertices><Vertex X="4" Y="3"/><Vertex X="5" Y="3"/></Vertices></Region>
</Regions></Annotation></Annotations>"""


def monuseg(root, test=True):
    """Write the doubled folder of the training archive, and the test."""
    train = root / "MoNuSeg 2018 Training Data" / "MoNuSeg 2018 Training Data"
    for name in ("TCGA-A7-A13E-01Z-00-DX1", "TCGA-AR-A1AS-01Z-00-DX1", "TCGA-18-5592-01Z-00-DX1"):
        picture(train / "Tissue Images" / f"{name}.tif", colour=True)
        (train / "Annotations").mkdir(exist_ok=True)
        (train / "Annotations" / f"{name}.xml").write_text(XML)
    if test:
        picture(root / "MoNuSegTestData" / "TCGA-2Z-A9J9-01A-01-TS1.tif", colour=True)
        (root / "MoNuSegTestData" / "TCGA-2Z-A9J9-01A-01-TS1.xml").write_text(XML)


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


# --- MM-WHS ----------------------------------------------------------------------------------------------------------


def mm_whs(root):
    stored = np.array([0, 500, 600, 420, 421, 550, 205, 820, 850, 999], np.int16).reshape(1, 2, 5).repeat(2, 0)
    for modality in ("ct", "mr"):
        for number in (1001, 1002, 1004, 1005, 1006, 1007):
            stem = f"{modality}_train_{number}"
            volume(root / f"{modality}_train" / f"{stem}_image.nii.gz", stored, (0.5, 0.5, 1))
            volume(root / f"{modality}_train" / f"{stem}_label.nii.gz", stored, (0.5, 0.5, 1))
    volume(root / "ct_test" / "ct_test_2001_image.nii.gz", stored)


def test_mm_whs_turns_stored_values_into_seven_structures(tmp_path):
    mm_whs(tmp_path)

    data = open_dataset(tmp_path, "segmentation")

    np.testing.assert_array_equal(data[0].labels["mask"][0].ravel(), [0, 1, 2, 3, 3, 4, 5, 6, 7, 0])
    assert data.classes[3] == "left_atrium" and len(data.classes) == 8 == len(set(VALUES.values())) + 1
    assert len(data) == 12
    by_name = {record.name: record.split for record in data.records}
    assert [by_name[f"ct_train_{n}"] for n in (1001, 1002, 1007)] == ["test", "train", "val"]
    assert [by_name[f"mr_train_{n}"] for n in (1001, 1004, 1006)] == ["train", "val", "test"]


def test_mm_whs_folds_test_every_case_once():
    for modality in ("ct", "mr"):
        tests = Counter(
            (number, split_of(f"{modality}_train_{number}", fold)) for number in range(1001, 1021) for fold in range(3)
        )
        assert all(tests[number, "test"] == 1 for number in range(1001, 1021))


# --- LUNA16 ----------------------------------------------------------------------------------------------------------

TURNED = (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)


def luna16(root):
    """Write ten scans with the nodule at voxel (20, 12, 10), 6 mm across; the last one with turned axes."""
    rows = []
    for subset in range(10):
        uid, direction = f"1.3.6.{subset}", TURNED if subset == 9 else None
        voxels = np.full((16, 30, 40), -1000, np.int16) + np.arange(16, dtype=np.int16)[:, None, None]
        volume(root / f"subset{subset}" / f"{uid}.mhd", voxels, (0.5, 0.5, 2.0), (100.0, 80.0, -50.0), direction)
        rows.append((uid, *((90, 74) if subset == 9 else (110, 86)), -30, 6.0))
    table(root / "annotations.csv", ("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm"), *rows)
    table(root / "candidates_V2.csv", ("seriesuid", "coordX", "coordY", "coordZ", "class"))


def test_world_to_voxel_uses_the_inverse_of_the_direction():
    grid = Grid((512, 512, 100), (0.5, 0.5, 2.0), (100.0, 80.0, -50.0), TURNED)

    np.testing.assert_allclose(grid.to_voxel(np.array([[90.0, 70, -30]])), [[20, 20, 10]])


def test_oblique_scans_are_mapped_too():
    image = SimpleITK.Image(10, 12, 14, SimpleITK.sitkInt16)
    turn = SimpleITK.Euler3DTransform()
    turn.SetRotation(0.2, -0.3, 0.4)
    image.SetDirection(turn.GetMatrix())
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetOrigin((-5, 6, 7))
    world = image.TransformContinuousIndexToPhysicalPoint((3.0, 4.5, 6.0))

    grid = Grid(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())

    np.testing.assert_allclose(grid.to_voxel(np.array([world])), [[3, 4.5, 6]], atol=1e-9)


def test_luna16_boxes_the_central_slice_of_each_nodule(tmp_path):
    luna16(tmp_path)

    data = open_dataset(tmp_path, "detection")

    assert splits(data) == {"train": 8, "val": 1, "test": 1} and data.classes == ("nodule",)
    for sample in data:  # the turned scan, too
        np.testing.assert_allclose(sample.labels["boxes"], [[0, 14.5, 6.5, 26.5, 18.5]])
        assert (sample.image.array == -990).all() and sample.image.size == (30, 40)
        assert sample.image.spacing_mm == (0.5, 0.5)


def test_luna16_slab_holds_the_inner_half_with_neighbours_as_channels(tmp_path):
    luna16(tmp_path)
    table(
        tmp_path / "annotations.csv",
        ("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm"),
        ("1.3.6.0", 110, 86, -30, 16),
    )

    records = read(tmp_path, "detection", mode="slab", channels=3)

    assert [record.name for record in records] == [f"1.3.6.0_{k}" for k in (8, 9, 10, 11, 12)]
    np.testing.assert_array_equal(records[0].load().image.array[:, 0, 0], [-993, -992, -991])
    widths = [np.diff(record.load().labels["boxes"][0, [1, 3]]).item() for record in records]
    np.testing.assert_allclose(widths, 2 * np.sqrt(64 - np.array([4, 2, 0, 2, 4]) ** 2) / 0.5)


def test_small_nodules_have_boxes_of_four_pixels_within_the_slice():
    grid = Grid((40, 30, 16), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))

    boxes = slice_boxes(grid, np.array([[20.0, 10, 5, 1.0], [0, 0, 5, 1.0]]), "central")[5]

    np.testing.assert_allclose(boxes, [[0, 18.5, 8.5, 22.5, 12.5], [0, 0, 0, 2.5, 2.5]])


def test_luna16_names_scans_that_are_not_there(tmp_path):
    luna16(tmp_path)
    table(tmp_path / "annotations.csv", ("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm"), ("9.9", 0, 0, 0, 5))

    with pytest.raises(DataError, match="none of 1 annotated scans is in a subset"):
        open_dataset(tmp_path, "detection")


# --- FFCV and FOCUS --------------------------------------------------------------------------------------------------


def ffcv(root):
    for split, n in (("train", 2), ("val", 1)):
        images = [{"id": i, "file_name": f"{split}{i}.png"} for i in range(n)]
        for entry in images:
            picture(root / "images" / entry["file_name"])
        notes = [
            {"image_id": i, "category_id": c, "bbox": [0, 0, 9, 9], "ellipse": [12.0, 10.0, a, b, 0.3]}
            for i in range(n)
            for c, a, b in ((1, 5.0, 9.0), (2, 4.0, 2.0))
        ]
        categories = [{"id": 2, "name": "Heart"}, {"id": 1, "name": "Lung"}]
        path = root / "annotations" / f"ellipse_annotations_{split}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"images": images, "annotations": notes, "categories": categories}))


def focus(root):
    for folder in ("training", "validation", "testing"):
        picture(root / folder / "images" / "001.png")
        path = root / folder / "annfiles_ellipse" / "001.txt"
        path.parent.mkdir()
        path.write_text("12 10 4 2 90 cardiac\n12.5 10 5 9 0 thoracic\n")


def test_ffcv_brings_thorax_and_heart_with_ordered_axes(tmp_path):
    ffcv(tmp_path)

    data = open_dataset(tmp_path, "ellipse-detection")

    assert splits(data) == {"train": 2, "val": 1} and data.classes == ("thorax", "heart")
    np.testing.assert_allclose(
        data[0].labels["ellipses"], [[0, 12, 10, 9, 5, 0.3 - np.pi / 2], [1, 12, 10, 4, 2, 0.3]]
    )


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


# --- Decathlon and BIDS ----------------------------------------------------------------------------------------------


def msd(root):
    pairs = []
    for i in range(4):
        for folder in ("imagesTr", "labelsTr"):
            volume(
                root / folder / f"hippocampus_{i}.nii.gz",
                np.array([0, 1, 2, 2], np.uint8).reshape(1, 2, 2).repeat(2, 0),
            )
        pairs.append({"image": f"./imagesTr/hippocampus_{i}.nii.gz", "label": f"./labelsTr/hippocampus_{i}.nii.gz"})
    labels = {"0": "background", "1": "Anterior", "2": "Posterior"}
    (root / "dataset.json").write_text(
        json.dumps({"labels": labels, "training": pairs, "test": ["./imagesTs/x.nii.gz"]})
    )


def test_decathlon_names_its_classes(tmp_path):
    msd(tmp_path)

    data = open_dataset(tmp_path, "segmentation")

    assert data.classes == ("background", "Anterior", "Posterior") and len(data) == 4
    assert data[0].labels["mask"].max() == 2 and set(splits(data)) == {"train", "val", "test"}


def bids(root, mask="{}_T2w_seg-manual.nii.gz"):
    (root / "derivatives" / "labels").mkdir(parents=True)
    (root / "derivatives" / "labels" / "dseg.tsv").write_text("index\tname\n1\tcord\n2\tlesion\n")
    for subject in ("sub-01", "sub-02", "sub-03", "sub-04"):
        volume(root / subject / "anat" / f"{subject}_T2w.nii.gz", np.zeros((3, 4, 5), np.int16))
        if subject != "sub-04":
            path = root / "derivatives" / "labels" / subject / "anat" / mask.format(subject)
            volume(path, np.full((3, 4, 5), 2, np.uint8))
    (root / "participants.tsv").write_text("participant_id\tsplit\nsub-01\ttrain\nsub-02\tval\nsub-03\ttest\n")


@pytest.mark.parametrize(
    "mask", ["{}_T2w_seg-manual.nii.gz", "{}_desc-manual_dseg.nii.gz", "{}_T2w_label-lesion_mask.nii.gz"]
)
def test_bids_pairs_images_with_their_masks(mask, tmp_path):
    bids(tmp_path, mask)

    data = open_dataset(tmp_path, "segmentation")

    assert splits(data) == {"train": 1, "val": 1, "test": 1}
    assert data.classes == ("background", "cord", "lesion") and data.groups == ("sub-01", "sub-02", "sub-03")
    assert data[0].labels["mask"].min() == 2


def test_bids_says_what_was_searched_and_seen(tmp_path):
    bids(tmp_path, "{}_T1w_seg-manual.nii.gz")
    for path in (tmp_path / "derivatives").rglob("*.nii.gz"):
        path.rename(path.with_name("other.nii.gz"))

    with pytest.raises(DataError, match=r"4 images in sub-\*/ and 0 masks .*holds labels/"):
        open_dataset(tmp_path, "segmentation")


def test_bids_with_two_masks_asks_for_one(tmp_path):
    bids(tmp_path)
    folder = tmp_path / "derivatives" / "other" / "sub-01"
    volume(folder / "sub-01_T2w_seg-second.nii.gz", np.zeros((3, 4, 5), np.uint8))

    with pytest.raises(DataError, match="2 masks fit"):
        open_dataset(tmp_path, "segmentation")


# --- all -------------------------------------------------------------------------------------------------------------

WRITERS = (covid_19_20, bcdata, endoscope, pranet, etis, clinic, monuseg, mm_whs, luna16, ffcv, focus, msd, bids)


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_every_layout_says_which_tasks_it_serves(write, tmp_path):
    write(tmp_path)

    with pytest.raises(DataError, match="not for localisation"):
        open_dataset(tmp_path, "localisation")


def test_real_patches_of_luna16():
    if not (SHARED / "luna16_patches").is_dir():
        pytest.skip(f"{SHARED / 'luna16_patches'} is not on this machine")

    data = open_dataset(SHARED / "luna16_patches", "classification")

    assert splits(data) == {"train": 2202, "val": 230, "test": 764}
    assert data[0].image.array.shape == (1, 50, 50) and sum(int(s.labels["label"]) for s in data.split("train")) == 889
