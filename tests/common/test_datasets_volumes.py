"""Data sets of volumes in their official layouts: splits, classes, places in the world."""

import json
from collections import Counter

import numpy as np
import pytest
import SimpleITK

from zoo.common.datasets import open_dataset
from zoo.common.datasets.luna16 import Grid, read, slice_boxes
from zoo.common.datasets.mm_whs import VALUES, split_of
from zoo.common.errors import DataError

from .official_layouts import (
    SHARED,
    TURNED,
    bcdata,
    bids,
    clinic,
    covid_19_20,
    covid_19_ct_seg,
    endoscope,
    etis,
    ffcv,
    focus,
    luna16,
    mm_whs,
    monuseg,
    msd,
    pranet,
    splits,
    table,
    volume,
)


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


def test_covid_19_ct_seg_reads_lungs_and_infections(tmp_path):
    covid_19_ct_seg(tmp_path)

    data = open_dataset(tmp_path, "segmentation")

    assert len(data) == 6 and set(splits(data)) == {"train", "val", "test"}
    assert data.classes == ("background", "left_lung", "right_lung", "infection")
    assert [set(np.unique(sample.labels["mask"])) for sample in data] == [{0, 1, 2, 3}] * 6
    assert data[0].image.spacing_mm == pytest.approx((1, 0.7, 0.7)) and data[0].image.array.max() == -700


def test_covid_19_ct_seg_keeps_both_volumes_of_a_patient_together(tmp_path):
    covid_19_ct_seg(tmp_path)

    for seed in range(5):
        data = open_dataset(tmp_path, "segmentation", seed=seed)
        assert len(set(data.groups)) == 5
        assert len({r.split for r in data.records if r.name.startswith("radiopaedia_10_")}) == 1


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        (("Lung_Mask",), ("background", "left_lung", "right_lung")),
        (("Lung_Mask", "Infection_Mask"), ("background", "infection")),
    ],
)
def test_covid_19_ct_seg_without_all_masks_reads_what_is_there(folders, classes, tmp_path):
    covid_19_ct_seg(tmp_path, folders)

    data = open_dataset(tmp_path, "segmentation")

    assert data.classes == classes and data[0].labels["mask"].max() == len(classes) - 1


def test_covid_19_ct_seg_names_a_missing_mask(tmp_path):
    covid_19_ct_seg(tmp_path)
    (tmp_path / "Lung_and_Infection_Mask" / "coronacases_002.nii.gz").unlink()

    with pytest.raises(DataError, match="no mask for coronacases_002"):
        open_dataset(tmp_path, "segmentation")


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


def test_decathlon_names_its_classes(tmp_path):
    msd(tmp_path)

    data = open_dataset(tmp_path, "segmentation")

    assert data.classes == ("background", "Anterior", "Posterior") and len(data) == 4
    assert data[0].labels["mask"].max() == 2 and set(splits(data)) == {"train", "val", "test"}


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


WRITERS = (
    covid_19_20,
    covid_19_ct_seg,
    bcdata,
    endoscope,
    pranet,
    etis,
    clinic,
    monuseg,
    mm_whs,
    luna16,
    ffcv,
    focus,
    msd,
    bids,
)


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_every_layout_says_which_tasks_it_serves(write, tmp_path):
    write(tmp_path)

    with pytest.raises(DataError, match="not for localisation"):
        open_dataset(tmp_path, "localisation")


def test_real_hippocampi_in_the_official_layout(tmp_path):
    real = SHARED / "msd_hippocampus"
    if not real.is_dir():
        pytest.skip(f"{real} is not on this machine")
    names = sorted(path.name for path in (real / "images").iterdir())[:4]
    for official, folder in (("imagesTr", "images"), ("labelsTr", "labels")):
        (tmp_path / official).mkdir()
        for name in names:
            (tmp_path / official / name).symlink_to(real / folder / name)
    pairs = [{"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"} for name in names]
    labels = {"0": "background", "1": "Anterior", "2": "Posterior"}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels, "training": pairs}))

    data = open_dataset(tmp_path, "segmentation")

    assert len(data) == 4 and all(set(np.unique(sample.labels["mask"])) == {0, 1, 2} for sample in data)


def test_real_spinal_cords_as_bids(tmp_path):
    real = SHARED / "volumes_misc"
    if not real.is_dir():
        pytest.skip(f"{real} is not on this machine")
    for number, name in enumerate(("sct_t2", "sct_t1w", "sct_t2s")):
        for folder, link in (
            ("images", "sub-0{0}/anat/sub-0{0}_T2w"),
            ("labels", "derivatives/sub-0{0}/sub-0{0}_dseg"),
        ):
            path = tmp_path / (link.format(number) + ".nii.gz")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(real / folder / f"{name}.nii.gz")

    data = open_dataset(tmp_path, "segmentation")

    assert len(data) == 3 and all(sample.labels["mask"].max() >= 1 for sample in data)
