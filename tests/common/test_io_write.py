"""Masks and maps land on the grid and in the place of the image they belong to, as other readers see it."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
import skimage.io
import tifffile
from PIL import Image as Pillow

from zoo.common.datasets.masks import read_mask
from zoo.common.errors import ConfigError, InputError
from zoo.common.io import read_image
from zoo.common.io.write import VOLUMES, write_labels, write_map
from zoo.common.transforms.orientation import to_canonical
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


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy", ".nii.gz", ".mha", ".nrrd"])
def test_a_picture_gets_a_mask_in_every_format(tmp_path: Path, suffix: str) -> None:
    mask = read_mask(write_labels(tmp_path / f"m{suffix}", LABELS[0], FLAT, CLASSES), FLAT)

    np.testing.assert_array_equal(mask, LABELS[0])


@pytest.mark.parametrize("count", [2, 3, 17, 256])
def test_a_png_holds_the_class_numbers_and_shows_them(tmp_path: Path, count: int) -> None:
    labels = RNG.integers(0, count, (40, 50))
    host = Image(np.zeros((1, 40, 50), np.float32))

    path = write_labels(tmp_path / "m.png", labels, host, tuple(map(str, range(count))))

    with Pillow.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(picture), labels)
        shown = np.asarray(picture.convert("RGB"))
    assert not shown[labels == 0].any()
    assert shown[labels > 0].max(axis=-1).min() > 200
    np.testing.assert_array_equal(read_mask(path, host), labels)


@pytest.mark.parametrize("count", [3, 300])
def test_a_tiff_holds_the_class_numbers_for_programs_that_turn_palettes_into_colours(
    tmp_path: Path, count: int
) -> None:
    labels = np.resize(np.arange(count), (40, 50))
    host = Image(np.zeros((1, 40, 50), np.float32))

    path = write_labels(tmp_path / "m.tif", labels, host, tuple(map(str, range(count))))

    np.testing.assert_array_equal(skimage.io.imread(path), labels)
    np.testing.assert_array_equal(tifffile.imread(path), labels)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path)), labels)
    np.testing.assert_array_equal(read_mask(path, host), labels)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_more_classes_than_a_byte_holds_are_kept(tmp_path: Path, suffix: str) -> None:
    labels = np.arange(30).reshape(5, 6) * 10

    path = write_labels(tmp_path / f"m{suffix}", labels, FLAT, tuple(map(str, range(300))))

    np.testing.assert_array_equal(read_image(path).array[0], labels)
    np.testing.assert_array_equal(np.asarray(Pillow.open(path)), labels)


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


TWO_PLACES = [(1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (3, 4), (0, 2), (2, 0), (0, 0)]  # codes of qform and sform


def _scan(path: Path, codes: tuple[int, int], unit: str = "mm") -> Image:
    """Write a scan whose qform and sform lie 37 mm apart, in other directions."""
    size = {"mm": 1.0, "micron": 1e3, "unknown": 1.0}[unit]
    scanner, registered = placed((0.7, 0.8, 3.1), (10, 20, 30)), placed((0.7, 0.8, 3.1), (4, -7, 12))
    registered[:3, 3] += (30, -20, 10)
    scan = nibabel.Nifti1Image(np.zeros(HOST.size[::-1], np.int16), None)
    for set_form, affine, code in ((scan.set_qform, scanner, codes[0]), (scan.set_sform, registered, codes[1])):
        set_form(np.diag([size] * 3 + [1]) @ affine, code) if code else set_form(None, 0)
    scan.header.set_xyzt_units(unit)
    scan.header.set_zooms(np.array((0.7, 0.8, 3.1)) * size)
    scan.to_filename(path)
    return read_image(path)


def _corners(path: Path) -> np.ndarray:
    read = SimpleITK.ReadImage(path)
    return np.array([read.TransformIndexToPhysicalPoint(index) for index in ((0, 0, 0), (5, 4, 3))])


@pytest.mark.parametrize("codes", TWO_PLACES)
@pytest.mark.parametrize("unit", ["mm", "micron", "unknown"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_nifti_mask_keeps_both_places_of_its_image(
    tmp_path: Path, codes: tuple[int, int], unit: str, suffix: str
) -> None:
    scan = tmp_path / "scan.nii.gz"
    path = write_labels(tmp_path / f"m{suffix}", LABELS, _scan(scan, codes, unit), CLASSES)

    image, mask = nibabel.load(scan), nibabel.load(path)
    for name in ("get_qform", "get_sform"):
        (expected, code), (found, found_code) = (getattr(x, name)(coded=True) for x in (image, mask))
        assert code == found_code
        if code:
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(mask.affine, image.affine, rtol=1e-5, atol=1e-3)
    assert mask.header.get_xyzt_units()[0] == unit
    np.testing.assert_allclose(_corners(path), _corners(scan), rtol=1e-5, atol=1e-3)
    assert read_mask(path, read_image(scan)).max() == 2


@pytest.mark.parametrize("codes", TWO_PLACES)
@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_itks_own_formats_take_the_place_at_which_itk_shows_the_image(
    tmp_path: Path, codes: tuple[int, int], suffix: str
) -> None:
    scan = tmp_path / "scan.nii.gz"
    path = write_labels(tmp_path / f"m{suffix}", LABELS, _scan(scan, codes), CLASSES)

    np.testing.assert_allclose(_corners(path), _corners(scan), atol=1e-3)
    assert read_mask(path, read_image(scan)).max() == 2


@pytest.mark.parametrize("codes", [(1, 4), (2, 2)])
def test_maps_keep_both_places_too(tmp_path: Path, codes: tuple[int, int]) -> None:
    image = _scan(tmp_path / "scan.nii.gz", codes)

    one = write_map(tmp_path / "one.nii.gz", RNG.random((4, 5, 6)), image)
    many = write_map(tmp_path / "many.nii.gz", RNG.random((3, 4, 5, 6)), image)

    for path in (one, many):
        for name in ("get_qform", "get_sform"):
            expected, found = (getattr(nibabel.load(p), name)() for p in (tmp_path / "scan.nii.gz", path))
            np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_two_places_follow_an_image_onto_another_grid(tmp_path: Path) -> None:
    image = to_canonical(_scan(tmp_path / "scan.nii.gz", (1, 4)))

    path = write_labels(tmp_path / "m.nii.gz", np.zeros(image.size, np.uint8), image, CLASSES)

    first = nibabel.load(path).get_qform() @ (0, 0, 0, 1)
    corners = [(x, y, z, 1) for x in (0, 5) for y in (0, 4) for z in (0, 3)]
    scanner = nibabel.load(tmp_path / "scan.nii.gz").get_qform()
    assert min(np.abs(scanner @ corner - first).max() for corner in corners) < 1e-3


def test_an_image_without_a_place_claims_none(tmp_path: Path) -> None:
    image = Image(np.zeros((1, 4, 5, 6), np.float32), (3.0, 0.8, 0.7))

    mask = nibabel.load(write_labels(tmp_path / "m.nii.gz", LABELS, image, CLASSES))

    assert (int(mask.header["qform_code"]), int(mask.header["sform_code"])) == (0, 0)
    np.testing.assert_allclose(mask.header.get_zooms(), (0.7, 0.8, 3.0))


FLAT_FILES = [(given, suffix) for given in (".mha", ".mhd", ".nrrd") for suffix in VOLUMES]


# a NIfTI of two axes has a place among three, which the other formats tell of with three axes
@pytest.mark.parametrize(("given", "suffix"), [*FLAT_FILES, (".nii", ".nii"), (".nii", ".nii.gz")])
def test_the_mask_of_a_file_with_two_axes_lies_where_simpleitk_sees_the_file(
    tmp_path: Path, given: str, suffix: str
) -> None:
    volume = SimpleITK.GetImageFromArray(np.zeros((5, 6), np.int16))
    volume.SetSpacing((0.7, 0.8)), volume.SetOrigin((11.0, -7.0)), volume.SetDirection((0.8, -0.6, 0.6, 0.8))
    SimpleITK.WriteImage(volume, tmp_path / f"scan{given}")

    read = SimpleITK.ReadImage(
        write_labels(tmp_path / f"m{suffix}", LABELS[0], read_image(tmp_path / f"scan{given}"), CLASSES)
    )

    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(read), LABELS[0])
    for index in ((0, 0), (5, 4)):
        there = volume.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(read.TransformIndexToPhysicalPoint(index), there, atol=1e-4)
