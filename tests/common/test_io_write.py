"""Masks and maps land on the grid and in the place of the image they belong to, as other readers see it."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from PIL import Image as Pillow

from zoo.common.errors import ConfigError, InputError
from zoo.common.io import read_image
from zoo.common.io.write import VOLUMES, write_labels, write_map
from zoo.common.types import Image

from .files import RNG, placed

CLASSES = ("background", "liver", "tumour")
LABELS = RNG.integers(0, 3, (4, 5, 6))
HOST = Image(np.zeros((1, 4, 5, 6), np.float32), (3.1, 0.8, 0.7), placed((0.7, 0.8, 3.1), (10, 20, 30)), "scan")
FLAT = Image(np.zeros((1, 5, 6), np.float32), (0.8, 0.7), name="picture")


@pytest.mark.parametrize("suffix", VOLUMES)
def test_a_mask_comes_back_with_its_place(tmp_path: Path, suffix: str) -> None:
    read = read_image(write_labels(tmp_path / f"m{suffix}", LABELS, HOST, CLASSES))

    np.testing.assert_array_equal(read.array[0], LABELS)
    np.testing.assert_allclose(read.affine, HOST.affine, atol=1e-5)
    np.testing.assert_allclose(read.spacing_mm, HOST.spacing_mm, atol=1e-6)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nibabel_sees_the_same_mask_in_the_same_place(tmp_path: Path, suffix: str) -> None:
    read = nibabel.load(write_labels(tmp_path / f"m{suffix}", LABELS, HOST, CLASSES))

    np.testing.assert_array_equal(np.asarray(read.dataobj).T, LABELS)
    assert read.get_data_dtype() == np.uint8
    for affine in (read.get_sform(), read.get_qform()):
        np.testing.assert_allclose(affine, HOST.affine, atol=1e-5)


@pytest.mark.parametrize("suffix", VOLUMES)
def test_simpleitk_sees_the_same_mask_in_the_same_place(tmp_path: Path, suffix: str) -> None:
    read = SimpleITK.ReadImage(write_labels(tmp_path / f"m{suffix}", LABELS, HOST, CLASSES))
    corner = HOST.affine @ (5, 4, 3, 1)

    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(read), LABELS)
    np.testing.assert_allclose(
        read.TransformIndexToPhysicalPoint((5, 4, 3)), corner[:3] * (-1, -1, 1), atol=1e-4
    )  # ITK counts to the left and back


@pytest.mark.parametrize("suffix", [".png", ".npy", ".nii.gz", ".mha", ".nrrd"])
def test_a_picture_gets_a_mask_in_every_format(tmp_path: Path, suffix: str) -> None:
    read = read_image(write_labels(tmp_path / f"m{suffix}", LABELS[0], FLAT, CLASSES))

    np.testing.assert_array_equal(read.array[0], LABELS[0])


def test_a_png_holds_the_class_numbers(tmp_path: Path) -> None:
    picture = Pillow.open(write_labels(tmp_path / "m.png", LABELS[0], FLAT, CLASSES))

    assert picture.mode == "L"
    np.testing.assert_array_equal(np.asarray(picture), LABELS[0])


def test_more_classes_than_a_byte_holds_are_kept(tmp_path: Path) -> None:
    labels = np.arange(30).reshape(5, 6) * 10

    read = read_image(write_labels(tmp_path / "m.png", labels, FLAT, tuple(map(str, range(300)))))

    np.testing.assert_array_equal(read.array[0], labels)


@pytest.mark.parametrize("suffix", VOLUMES)
def test_a_map_keeps_its_numbers(tmp_path: Path, suffix: str) -> None:
    values = RNG.random((4, 5, 6), dtype=np.float32)

    read = read_image(write_map(tmp_path / f"p{suffix}", values, HOST))

    np.testing.assert_array_equal(read.array[0], values)
    np.testing.assert_allclose(read.affine, HOST.affine, atol=1e-5)


def test_maps_of_several_classes_are_stacked_along_the_last_axis(tmp_path: Path) -> None:
    values = RNG.random((3, 4, 5, 6), dtype=np.float32)

    read = nibabel.load(write_map(tmp_path / "p.nii.gz", values, HOST))

    np.testing.assert_array_equal(np.asarray(read.dataobj).T, values)
    np.testing.assert_allclose(read.affine, HOST.affine, atol=1e-5)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (LABELS[0], "expected the image's"),
        (LABELS / 2, "expected integers"),
        (LABELS + 1, "labels 1 to 3"),
        (LABELS - 1, "labels -1 to 1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, labels: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        write_labels(tmp_path / "m.nii.gz", labels, HOST, CLASSES)


def test_a_format_that_cannot_hold_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="volume"):
        write_labels(tmp_path / "m.png", LABELS, HOST, CLASSES)
    with pytest.raises(ConfigError, match=r"suffix '\.jpg'"):
        write_labels(tmp_path / "m.jpg", LABELS[0], FLAT, CLASSES)
