"""nnU-Net's folders: both kinds of dataset.json, one file per channel, what cannot be kept is refused by name."""

import json

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.datasets import open_dataset
from zoo.common.errors import DataError, ZooWarning
from zoo.common.labels import UNKNOWN

from .official_layouts import picture, volume

NEWER = {
    "channel_names": {"0": "T1", "1": "T2"},
    "labels": {"background": 0, "tumour": 2, "oedema": 1},
    "numTraining": 4,
    "file_ending": ".nii.gz",
}
OLDER = {
    "modality": {"0": "T1", "1": "T2"},
    "labels": {"0": "background", "1": "oedema", "2": "tumour"},
    "training": [{"image": "./imagesTr/brain_0.nii.gz", "label": "./labelsTr/brain_0.nii.gz"}],
}
MASK = np.array([0, 1, 2, 2], np.uint8).reshape(1, 2, 2).repeat(2, 0)


def raw(root, content=NEWER, channels=2, mask=MASK):
    """Write four cases whose channels hold their own number."""
    for case in range(4):
        for channel in range(channels):
            volume(root / "imagesTr" / f"brain_{case}_{channel:04}.nii.gz", np.full((2, 2, 2), channel, np.int16))
        volume(root / "labelsTr" / f"brain_{case}.nii.gz", mask)
    volume(root / "imagesTs" / "brain_9_0000.nii.gz", np.zeros((2, 2, 2), np.int16))
    (root / "dataset.json").write_text(json.dumps(content), encoding="utf-8-sig")


@pytest.mark.parametrize("content", [NEWER, OLDER], ids=["newer", "older"])
def test_channels_are_stacked_and_labels_named(content, tmp_path):
    raw(tmp_path, content)

    data = open_dataset(tmp_path, "segmentation")

    assert data.classes == ("background", "oedema", "tumour")
    assert [record.name for record in data.records] == [f"brain_{case}" for case in range(4)]
    assert data.drawn == {"seed": 0}
    assert data[0].image.array.shape == (2, 2, 2, 2) and data[0].image.array[:, 0, 0, 0].tolist() == [0, 1]
    np.testing.assert_array_equal(data[0].labels["mask"], MASK)
    assert [path.name for path in data.records[0].files] == [
        "brain_0_0000.nii.gz",
        "brain_0_0001.nii.gz",
        "brain_0.nii.gz",
    ]


def test_pictures_are_read_too(tmp_path):
    for case in "abc":
        picture(tmp_path / "imagesTr" / f"{case}_0000.png", size=(2, 4))
        (tmp_path / "labelsTr").mkdir(exist_ok=True)
        Pillow.fromarray(MASK.reshape(2, 4)).save(tmp_path / "labelsTr" / f"{case}.png")
    (tmp_path / "dataset.json").write_text(json.dumps(NEWER | {"channel_names": {"0": "grey"}, "file_ending": ".png"}))

    data = open_dataset(tmp_path, "segmentation")

    assert data[0].image.array.shape == (1, 2, 4) and data[0].labels["mask"].max() == 2


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        ({"background": 0, "tumour": 1, "ignore": 2}, ("background", "tumour"), {0, 1, UNKNOWN}),
        ({"background": 0, "ignore": 1, "tumour": 2}, ("background", "tumour"), {0, 1, UNKNOWN}),
        ({"background": 0, "whole": [1], "ignore": 2}, ("background", "whole"), {0, 1, UNKNOWN}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*regions")
def test_what_the_label_ignore_covers_is_unknown(labels, classes, numbers, tmp_path):
    raw(tmp_path, NEWER | {"labels": labels})

    data = open_dataset(tmp_path, "segmentation")

    mask = data[0].labels["mask"]
    assert data.classes == classes and set(np.unique(mask)) == numbers
    assert ((mask == UNKNOWN) == (labels["ignore"] == MASK)).all()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"background": 0, "a": [1, 2], "b": [2, 3]}, "lie in each other or apart, not a and b, which cross"),
        ({"background": 0, "whole": [1, 2], "left": 1, "right": 2}, "whole is filled by smaller regions"),
        ({"ignore": 0, "tumour": 1, "oedema": 2}, "expected the background as number 0"),
        ({"tumour": 1, "oedema": 2}, "expected the background as number 0"),
        ({"background": 0, "tumour": "one"}, "expected numbers with names"),
        ({"background": 0, "Tumour": 1, "tumour": 2}, "are one name or nearly"),
    ],
)
def test_labels_that_cannot_be_kept_are_refused_by_name(labels, message, tmp_path):
    raw(tmp_path, NEWER | {"labels": labels})

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path, "segmentation")


def test_a_number_without_a_name_is_refused_and_not_taken_for_background(tmp_path):
    raw(tmp_path, mask=MASK + 1)

    with pytest.raises(
        DataError, match=r"brain_0\.nii\.gz: holds 3; expected the labels of dataset\.json, \[0, 1, 2\]"
    ):
        open_dataset(tmp_path, "segmentation")[0]


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("imagesTr/brain_1_0001.nii.gz", r"brain_1 has channels \[0\]; expected \[0, 1\]"),
        ("labelsTr/brain_1.nii.gz", r"labelsTr: nothing for brain_1"),
    ],
)
def test_a_missing_channel_or_mask_is_named(gone, message, tmp_path):
    raw(tmp_path)
    (tmp_path / gone).unlink()

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path, "segmentation")


def test_a_case_without_images_and_a_name_without_channel_are_refused(tmp_path):
    raw(tmp_path)
    volume(tmp_path / "labelsTr" / "brain_7.nii.gz", MASK)
    with pytest.raises(DataError, match="imagesTr: nothing for brain_7"):
        open_dataset(tmp_path, "segmentation")

    volume(tmp_path / "imagesTr" / "brain_7.nii.gz", MASK)
    with pytest.raises(DataError, match="the number being the channel"):
        open_dataset(tmp_path, "segmentation")


def test_the_decathlon_without_its_list_says_what_is_missing(tmp_path):
    volume(tmp_path / "labelsTr" / "a.nii.gz", MASK)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"0": "background", "1": "a"}}))

    with pytest.raises(DataError, match="no list `training` of pairs"):
        open_dataset(tmp_path, "segmentation")


def test_regions_in_each_other_become_classes_beside_each_other(tmp_path):
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3}
    mask = np.array([0, 1, 2, 3], np.uint8).reshape(1, 2, 2).repeat(2, 0)
    raw(tmp_path, NEWER | {"labels": labels, "regions_class_order": [1, 2, 3]}, mask=mask)

    with pytest.warns(ZooWarning, match="each pixel counts for the smallest one"):
        data = open_dataset(tmp_path, "segmentation")

    assert data.classes == ("background", "whole", "core", "enhancing")
    np.testing.assert_array_equal(data[0].labels["mask"], mask)


def test_the_numbers_of_regions_need_no_order(tmp_path):
    raw(tmp_path, NEWER | {"labels": {"background": 0, "core": 1, "whole": [1, 2]}})

    with pytest.warns(ZooWarning, match="whole, core"):
        data = open_dataset(tmp_path, "segmentation")

    np.testing.assert_array_equal(data[0].labels["mask"][0], [[0, 2], [1, 1]])  # whole is 1 now, core 2


def test_the_first_fold_and_the_labelled_test_are_the_split(tmp_path):
    raw(tmp_path)
    (tmp_path / "splits_final.json").write_text(
        json.dumps([{"train": ["brain_0", "brain_1", "brain_2"], "val": ["brain_3"]}])
    )
    volume(tmp_path / "imagesTs" / "brain_9_0001.nii.gz", np.zeros((2, 2, 2), np.int16))
    volume(tmp_path / "labelsTs" / "brain_9.nii.gz", MASK)

    data = open_dataset(tmp_path, "segmentation")

    assert [record.split for record in data.records] == ["train", "train", "train", "val", "test"]
    assert "splits_final.json" in data.describe_split()


def test_a_channel_called_ct_says_how_the_image_came_about(tmp_path):
    raw(tmp_path, NEWER | {"channel_names": {"0": "CT"}}, channels=1)

    assert open_dataset(tmp_path, "segmentation")[0].image.modality == "CT"
