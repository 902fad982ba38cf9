"""Volume files are read as other packages read them."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from zoo.common.io import read_image
from zoo.common.io import voxels as io_voxels

from .files import RNG, placed, written
from .volume_files import AFFINE, FORMATS, VALUES, itk_file, nifti, patched


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"])
def test_every_type_is_read_as_simpleitk_reads_it(tmp_path: Path, suffix: str, dtype: str, compressed: bool) -> None:
    path = itk_file(tmp_path / f"v{suffix}", VALUES.astype(dtype), compressed)

    image = read_image(path)

    np.testing.assert_array_equal(image.array[0], VALUES.astype(dtype).astype(np.float32))
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)
    np.testing.assert_allclose(image.spacing_mm, (3.1, 0.8, 0.7), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["u8", "i8"])
@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_long_integers_are_read_as_simpleitk_writes_them(tmp_path: Path, suffix: str, dtype: str) -> None:
    image = read_image(itk_file(tmp_path / f"v{suffix}", VALUES.astype(dtype)))

    np.testing.assert_array_equal(image.array[0], VALUES.astype(dtype).astype(np.float32))


@pytest.mark.parametrize("suffix", FORMATS)
def test_colours_become_channels(tmp_path: Path, suffix: str) -> None:
    colours = RNG.integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)

    image = read_image(itk_file(tmp_path / f"v{suffix}", colours, vector=True))

    np.testing.assert_array_equal(image.array, np.moveaxis(colours, -1, 0))


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii"])
def test_pictures_in_volume_formats_are_pictures(tmp_path: Path, suffix: str) -> None:
    image = read_image(itk_file(tmp_path / f"p{suffix}", VALUES[0]))

    np.testing.assert_array_equal(image.array, VALUES[:1])


@pytest.mark.parametrize("channels", ["RGB", "RGBA"])
def test_rgb_voxels_of_nifti_become_channels(tmp_path: Path, channels: str) -> None:
    colours = RNG.integers(0, 256, (7, 6, 5, len(channels)), dtype=np.uint8)
    voxels = colours.view([(letter, "u1") for letter in channels])[..., 0]
    nibabel.save(nibabel.Nifti1Image(voxels, AFFINE), tmp_path / "v.nii.gz")

    np.testing.assert_array_equal(read_image(tmp_path / "v.nii.gz").array, colours.T[:3])


def test_zeros_behind_the_voxels_do_no_harm(tmp_path: Path) -> None:
    path = nifti(tmp_path / "v.nii")
    written(path, path.read_bytes() + bytes(512))

    np.testing.assert_array_equal(read_image(path).array[0], VALUES)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
def test_both_versions_and_byte_orders_of_nifti_are_read(tmp_path: Path, version: int, order: str) -> None:
    kind = (nibabel.Nifti1Image, nibabel.Nifti2Image)[version - 1]
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.dtype("i2").newbyteorder(order))
    nibabel.save(kind(VALUES.T, AFFINE, header), tmp_path / "v.nii")

    image = read_image(tmp_path / "v.nii")

    np.testing.assert_array_equal(image.array[0], VALUES)
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)


def test_stored_numbers_are_rescaled(tmp_path: Path) -> None:
    path = nifti(tmp_path / "v.nii")

    image = read_image(patched(path, "slope", "<2f", 0.5, -100.0))

    np.testing.assert_array_equal(image.array[0], VALUES * 0.5 - 100)


@pytest.mark.parametrize("slope", [0.0, float("nan")])
def test_no_slope_means_numbers_as_stored(tmp_path: Path, slope: float) -> None:
    path = patched(nifti(tmp_path / "v.nii"), "slope", "<2f", slope, 7.0)

    np.testing.assert_array_equal(read_image(path).array[0], VALUES)


def test_the_qform_counts_where_there_is_no_sform(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(VALUES.T, AFFINE)
    image.set_sform(None, code=0)
    image.set_qform(AFFINE, code=1)
    nibabel.save(image, tmp_path / "v.nii")

    read = read_image(tmp_path / "v.nii")

    np.testing.assert_allclose(read.affine, AFFINE, atol=1e-4)


def test_without_both_the_voxel_size_counts(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(VALUES.T, None)
    image.header.set_zooms((0.5, 0.75, 2.0))
    nibabel.save(image, tmp_path / "v.nii")

    read, peer = read_image(tmp_path / "v.nii"), SimpleITK.ReadImage(tmp_path / "v.nii")

    assert read.spacing_mm == (2.0, 0.75, 0.5)
    np.testing.assert_allclose(
        (read.affine @ (1, 1, 1, 1))[:3] * (-1, -1, 1), peer.TransformIndexToPhysicalPoint((1, 1, 1))
    )


def test_another_place_in_the_sform_wins_on_the_same_grid(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(VALUES.T, AFFINE)
    registered = placed((0.7, 0.8, 3.1), (14, 17, 33))
    image.set_sform(registered, code=2)
    image.set_qform(AFFINE, code=1)
    nibabel.save(image, tmp_path / "v.nii")

    np.testing.assert_allclose(read_image(tmp_path / "v.nii").affine, registered, atol=1e-5)


@pytest.mark.parametrize(("units", "factor"), [(1, 1000.0), (2, 1.0), (3, 0.001)])
def test_metres_and_microns_become_millimetres(tmp_path: Path, units: int, factor: float) -> None:
    path = patched(nifti(tmp_path / "v.nii"), "units", "<B", units)

    np.testing.assert_allclose(read_image(path).spacing_mm, np.multiply((3.1, 0.8, 0.7), factor), rtol=1e-6)


@pytest.mark.parametrize("library", [zlib, io_voxels.fast_zlib])
def test_gzip_members_in_a_row_are_one_file(tmp_path: Path, library: object, monkeypatch: pytest.MonkeyPatch) -> None:
    content = nifti(tmp_path / "v.nii").read_bytes()
    members = gzip.compress(content[:400]) + gzip.compress(content[400:]) + bytes(100)
    monkeypatch.setattr(io_voxels.Inflated.__init__, "__defaults__", (io_voxels.GZIP, library))

    np.testing.assert_array_equal(read_image(written(tmp_path / "w.nii.gz", members)).array[0], VALUES)


def test_content_and_not_the_suffix_says_whether_nifti_is_compressed(tmp_path: Path) -> None:
    content = nifti(tmp_path / "v.nii").read_bytes()

    np.testing.assert_array_equal(read_image(written(tmp_path / "a.nii.gz", content)).array[0], VALUES)
    np.testing.assert_array_equal(read_image(written(tmp_path / "b.nii", gzip.compress(content))).array[0], VALUES)


@pytest.mark.parametrize("suffix", FORMATS)
def test_reading_parses_no_type_since_numpy_cannot_do_that_in_several_threads(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = itk_file(tmp_path / f"v{suffix}", VALUES)
    monkeypatch.setattr("ast.literal_eval", lambda text: pytest.fail(f"parsed {text!r}"))

    np.testing.assert_array_equal(read_image(path).array[0], VALUES.astype(np.float32))
