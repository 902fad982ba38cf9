"""Files become images as stored, or an InputError that names the file and says what was expected."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import SimpleITK
from PIL import Image as Pillow

from zoo.common.errors import InputError
from zoo.common.io import read_image

from .files import (
    GREY8,
    GREY16,
    RGB8,
    RNG,
    array_file,
    claims_huge_array,
    claims_huge_nifti,
    cut,
    headless_dicom,
    png_claiming,
    saved,
    volume,
    write_dicom,
    written,
)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".bmp", ".PNG"])
def test_lossless_pictures_keep_every_value(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"grey{suffix}"
    Pillow.fromarray(GREY8).save(path)

    image = read_image(path)

    np.testing.assert_array_equal(image.array, GREY8[None].astype(np.float32))
    assert (image.array.dtype, image.name, image.spacing_mm) == (np.float32, path.name, None)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_of_grey_are_kept(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"deep{suffix}"
    Pillow.fromarray(GREY16).save(path)

    np.testing.assert_array_equal(read_image(path).array[0], GREY16)


@pytest.mark.parametrize(("suffix", "channels"), [(".png", 3), (".png", 4), (".tif", 3)])
def test_sixteen_bits_of_colour_are_kept(tmp_path: Path, suffix: str, channels: int) -> None:
    values = RNG.integers(0, 65536, (12, 17, channels), dtype=np.uint16)
    path = tmp_path / f"deep{suffix}"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values, isVector=True), path)

    np.testing.assert_array_equal(read_image(path).array, np.moveaxis(values[..., :3], -1, 0))


def test_a_jpeg_is_near_what_was_stored(tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
    Pillow.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)

    assert np.abs(read_image(tmp_path / "a.jpg").array[0] - smooth).max() < 8


def test_alpha_is_dropped(tmp_path: Path) -> None:
    rgba = np.concatenate([RGB8, RNG.integers(0, 256, (12, 17, 1), dtype=np.uint8)], axis=-1)
    Pillow.fromarray(rgba).save(tmp_path / "rgba.png")
    Pillow.fromarray(rgba[..., [0, 3]], mode="LA").save(tmp_path / "la.png")

    np.testing.assert_array_equal(read_image(tmp_path / "rgba.png").array, np.moveaxis(RGB8, -1, 0))
    np.testing.assert_array_equal(read_image(tmp_path / "la.png").array, RGB8[None, ..., 0])


def test_a_palette_becomes_its_colours(tmp_path: Path) -> None:
    indexed = Pillow.fromarray(GREY8 // 128, mode="P")
    indexed.putpalette([10, 20, 30, 200, 100, 50])
    indexed.save(tmp_path / "p.png")

    expected = np.where(GREY8[None] < 128, [[[10]], [[20]], [[30]]], [[[200]], [[100]], [[50]]])
    np.testing.assert_array_equal(read_image(tmp_path / "p.png").array, expected)


def test_a_one_bit_picture_spans_the_range_of_eight_bits(tmp_path: Path) -> None:
    Pillow.fromarray(GREY8).convert("1").save(tmp_path / "b.png")

    assert set(np.unique(read_image(tmp_path / "b.png").array)) == {0.0, 255.0}


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    Pillow.fromarray(GREY8).save(tmp_path / "e.png", exif=exif)

    np.testing.assert_array_equal(read_image(tmp_path / "e.png").array[0], np.rot90(GREY8, -1))


def test_a_numpy_file_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GREY16)

    np.testing.assert_array_equal(read_image(tmp_path / "a.npy").array[0], GREY16)


NOISE = RNG.integers(0, 256, (64, 64), dtype=np.uint8)
BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing file": (lambda d: d / "none.png", "no such file"),
    "folder": (lambda d: d, "folder"),
    "0 bytes": (lambda d: written(d / "a.png", b""), "0 bytes"),
    "unknown suffix": (lambda d: written(d / "a.docx", b"PK"), "suffix '.docx'"),
    "text renamed": (lambda d: written(d / "a.png", b"patient,label\n1,0\n"), "is no PNG"),
    "web page renamed": (lambda d: written(d / "a.jpg", b"<!DOCTYPE html><html></html>"), "is no PNG"),
    "PNG cut in half": (lambda d: cut(saved(d / "a.png", NOISE), 0.5), "cannot be read"),
    "PNG cut at the end": (lambda d: cut(saved(d / "a.png", NOISE), 0.98), "cannot be read"),
    "PNG cut in its header": (lambda d: written(d / "a.png", png_claiming(9, 9)[:20]), "complete file"),
    "JPEG cut": (lambda d: cut(saved(d / "a.jpg", NOISE), 0.6), "cannot be read"),
    "TIFF cut": (lambda d: cut(saved(d / "a.tif", NOISE), 0.5), "cut short"),
    "BMP cut": (lambda d: cut(saved(d / "a.bmp", NOISE), 0.5), "cannot be read"),
    "huge header": (lambda d: written(d / "a.png", png_claiming(100_000, 100_000)), "expected a smaller picture"),
    "large header": (lambda d: written(d / "a.png", png_claiming(18_000, 15_000)), "expected"),
    "PNG of no width": (lambda d: written(d / "a.png", png_claiming(0, 9)), "expected"),
    "NaN": (lambda d: array_file(d / "a.npy", np.array([[1.0, np.nan], [np.inf, 2.0]])), "2 of 4 values are NaN"),
    "beyond float32": (lambda d: array_file(d / "a.npy", np.full((3, 3), 1e300)), "9 of 9 values"),
    "empty array": (lambda d: array_file(d / "a.npy", np.zeros((0, 5))), "at least one pixel"),
    "number": (lambda d: array_file(d / "a.npy", np.array(3.0)), "single number"),
    "one axis": (lambda d: array_file(d / "a.npy", np.zeros(9)), "1 axes"),
    "five axes": (lambda d: array_file(d / "a.npy", np.zeros((1, 1, 1, 4, 4))), "5 axes"),
    "complex numbers": (lambda d: array_file(d / "a.npy", np.zeros((4, 4), complex)), "complex128"),
    "texts": (lambda d: array_file(d / "a.npy", np.full((4, 4), "x")), "array of <U1"),
    "object array": (lambda d: array_file(d / "a.npy", np.array([[{}, 1]], object)), "never unpickled"),
    "pickle renamed": (lambda d: written(d / "a.npy", b"\x80\x04\x95\x0b\0\0\0\0\0\0\0."), "never unpickled"),
    "npy cut": (lambda d: cut(array_file(d / "a.npy", GREY16), 0.7), "cannot be read"),
    "npy that claims 8 TB": (lambda d: claims_huge_array(d / "a.npy"), "cannot be read"),
    "NIfTI cut": (lambda d: cut(volume(d / "v.nii", 9, 9, 9), 0.8), "whole file"),
    "NIfTI without a voxel": (lambda d: cut(volume(d / "v.nii", 9, 9, 9), 0.2), "expected"),
    "compressed NIfTI cut": (lambda d: cut(volume(d / "v.nii.gz", 9, 9, 9), 0.9), "cut short"),
    "NIfTI that claims 27 terabytes": (lambda d: claims_huge_nifti(d / "v.nii"), "27,000,000,000,000 values"),
    "no NIfTI": (lambda d: written(d / "v.nii.gz", gzip.compress(b"hello")), "starts with"),
    "four axes": (lambda d: volume(d / "v.nii", 2, 3, 4, 5), "4 axes"),
    "MetaImage cut": (lambda d: cut(volume(d / "v.mha", 9, 9, 9), 0.8), "whole file"),
    "NRRD cut": (lambda d: cut(volume(d / "v.nrrd", 9, 9, 9), 0.8), "whole file"),
    "no DICOM": (lambda d: written(d / "a.dcm", b"not dicom at all" * 20), "no DICOM header"),
    "broken DICOM": (lambda d: headless_dicom(d / "a.dcm"), "expected"),
    "DICOM without pixels": (lambda d: write_dicom(d / "a.dcm", GREY8, Rows=0), "without pixels"),
    "DICOM cut": (lambda d: cut(write_dicom(d / "a.dcm", NOISE), 0.7), "cannot be read"),
    "two pages": (
        lambda d: Pillow.fromarray(GREY8).save(
            d / "a.tif", save_all=True, append_images=[Pillow.fromarray(GREY8)]
        )
        or d / "a.tif",
        "2 pages",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_by_name(tmp_path: Path, case: str) -> None:
    write, expected = BAD[case]
    path = write(tmp_path)

    with pytest.raises(InputError) as caught:
        read_image(path)

    message = str(caught.value)
    assert message.startswith(str(path))
    assert expected in message
    assert "expected" in message
    assert len(message) < 600


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".nii.gz", ".npy"])
def test_a_file_cut_anywhere_never_reads_as_something_else(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".npy":
        np.save(path, NOISE)
    elif suffix == ".nii.gz":
        volume(path, 1, 64, 64)
    else:
        saved(path, NOISE)
    content, whole = path.read_bytes(), read_image(path).array

    for length in np.linspace(0, len(content) - 1, 60).astype(int):
        path.write_bytes(content[:length])
        try:
            read = read_image(path).array
        except InputError:
            continue
        np.testing.assert_array_equal(read, whole)  # only the format's end mark is missing


def test_sixteen_bits_of_grey_with_alpha_are_kept(tmp_path: Path) -> None:
    values = RNG.integers(0, 65536, (12, 17, 2), dtype=np.uint16)
    (tmp_path / "la.png").write_bytes(imagecodecs.png_encode(values))

    np.testing.assert_array_equal(read_image(tmp_path / "la.png").array[0], values[..., 0])


def test_an_animated_picture_is_refused(tmp_path: Path) -> None:
    frames = [Pillow.fromarray(np.roll(RGB8, i, 0)) for i in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])

    with pytest.raises(InputError, match="3 pictures in one file"):
        read_image(tmp_path / "a.png")


def test_a_transparent_colour_changes_no_colour(tmp_path: Path) -> None:
    Pillow.fromarray(RGB8).save(tmp_path / "rgb.png", transparency=tuple(RGB8[0, 0].tolist()))
    Pillow.fromarray(GREY8).save(tmp_path / "grey.png", transparency=int(GREY8[0, 0]))

    np.testing.assert_array_equal(read_image(tmp_path / "rgb.png").array, np.moveaxis(RGB8, -1, 0))
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png").array[0], GREY8)


ARRAYS = {
    "Fortran order": np.asfortranarray(GREY16),
    "big endian": GREY16.astype(">u2"),
    "bool": GREY8 > 99,
    "float64": GREY16 / 2.0,
}


@pytest.mark.parametrize("name", ARRAYS)
def test_every_layout_of_a_numpy_file_is_read(tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "a.npy", ARRAYS[name])

    np.testing.assert_array_equal(read_image(tmp_path / "a.npy").array[0], ARRAYS[name].astype(np.float32))
