"""What other libraries hold in memory gives the same image as its file, with its place."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
import tifffile
from PIL import Image as Pillow

from zoo.common.errors import InputError
from zoo.common.io import read_image
from zoo.common.io.objects import is_object, to_image
from zoo.common.io.write import write_labels
from zoo.common.types import Image
from zoo.prediction.sources import images, is_single

from .dicom_files import write_enhanced
from .files import GREY8, GREY16, RGB8, RNG, cut, placed, saved, write_dicom
from .volume_files import itk_file, nifti


def _same(found: Image, expected: Image) -> None:
    np.testing.assert_allclose(found.array, expected.array, rtol=1e-6)
    assert found.array.dtype == np.float32
    assert (found.spacing_mm is None) == (expected.spacing_mm is None)
    if expected.spacing_mm is not None:
        np.testing.assert_allclose(found.spacing_mm, expected.spacing_mm, rtol=1e-5)
    assert (found.affine is None) == (expected.affine is None)
    if expected.affine is not None:
        np.testing.assert_allclose(found.affine, expected.affine, atol=1e-4)


def _palette(path: Path) -> Path:
    indexed = Pillow.fromarray(GREY8 // 64, mode="P")
    indexed.putpalette([10, 20, 30, 200, 100, 50, 0, 0, 9, 77, 88, 99])
    indexed.save(path)
    return path


def _turned(path: Path) -> Path:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.fromarray(GREY8).save(path, exif=exif)
    return path


def _deep(path: Path) -> Path:
    values = RNG.integers(0, 65536, (12, 17, 3), dtype=np.uint16)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values, isVector=True), path)
    return path


def _pillow(values: np.ndarray, mode: str, suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        Pillow.fromarray(values).convert(mode).save(folder / f"a{suffix}")
        return folder / f"a{suffix}"

    return write


def _white_tiff(folder: Path) -> Path:
    tifffile.imwrite(folder / "a.tif", GREY16, photometric="miniswhite")
    return folder / "a.tif"


def _npy(folder: Path) -> Path:
    np.save(folder / "a.npy", GREY16)
    return folder / "a.npy"


PICTURES: dict[str, Callable[[Path], Path]] = {
    "grey": _pillow(GREY8, "L", ".png"),
    "bmp": _pillow(RGB8, "RGB", ".bmp"),
    "jpeg": _pillow(RGB8, "RGB", ".jpg"),
    "cmyk": _pillow(RGB8, "CMYK", ".jpg"),
    "1 bit": _pillow(GREY8, "1", ".png"),
    "alpha": _pillow(RGB8, "RGBA", ".png"),
    "palette": lambda d: _palette(d / "a.png"),
    "exif": lambda d: _turned(d / "a.png"),
    "16 bit": lambda d: saved(d / "a.png", GREY16),
    "16-bit colours": lambda d: _deep(d / "a.png"),
    "white is 0": _white_tiff,
}
FILES: dict[str, Callable[[Path], Path]] = {
    **PICTURES,
    "npy": _npy,
    "nii": lambda d: itk_file(d / "v.nii"),
    "nii.gz": lambda d: itk_file(d / "v.nii.gz"),
    "mha": lambda d: itk_file(d / "v.mha"),
    "nrrd": lambda d: itk_file(d / "v.nrrd"),
    "dicom": lambda d: write_dicom(d / "a.dcm", GREY16, PixelSpacing=[0.8, 0.7], RescaleSlope=2, RescaleIntercept=-1),
    "frames": lambda d: write_enhanced(d / "a.dcm", range(6), [2.0] * 6),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_bytes_and_open_files_are_their_file(tmp_path: Path, name: str) -> None:
    path = FILES[name](tmp_path)
    expected = read_image(path)

    _same(to_image(path.read_bytes()), expected)
    _same(to_image(bytearray(path.read_bytes())), expected)
    buffer = io.BytesIO(path.read_bytes())
    buffer.seek(0, io.SEEK_END)
    _same(to_image(buffer), expected)
    with path.open("rb") as file:
        _same(to_image(file), expected)
        assert to_image(file).name == path.name and not file.closed


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_pillow_opened_is_its_file(tmp_path: Path, name: str) -> None:
    path = PICTURES[name](tmp_path)
    expected = read_image(path)

    with Pillow.open(path) as picture:
        _same(to_image(picture), expected)
        _same(to_image(picture), expected)
        assert to_image(picture).name == path.name
        if name not in ("16-bit colours", "white is 0"):  # of which Pillow loses bits while it decodes
            picture.load()
            _same(to_image(picture), expected)


def test_a_picture_in_memory_is_what_it_shows() -> None:
    grey = Pillow.fromarray(GREY8)

    np.testing.assert_array_equal(to_image(grey).array[0], GREY8)
    np.testing.assert_array_equal(to_image(Pillow.fromarray(RGB8)).array, np.moveaxis(RGB8, -1, 0))
    assert set(np.unique(to_image(grey.convert("1")).array)) == {0, 255}


def test_a_picture_that_was_changed_is_not_read_from_its_file(tmp_path: Path) -> None:
    with Pillow.open(saved(tmp_path / "a.png", GREY8)) as picture:
        picture.putpixel((0, 0), 7)

        assert to_image(picture).array[0, 0, 0] == 7


def test_an_itk_volume_keeps_its_place(tmp_path: Path) -> None:
    path = itk_file(tmp_path / "v.mha")

    _same(to_image(SimpleITK.ReadImage(path)), read_image(path))


def test_an_itk_picture_has_a_size_only_where_it_was_given_one() -> None:
    picture = SimpleITK.GetImageFromArray(GREY8)
    assert to_image(picture).spacing_mm is None

    picture.SetSpacing((0.3, 0.2))
    assert to_image(picture).spacing_mm == (0.2, 0.3)
    colours = to_image(SimpleITK.GetImageFromArray(RGB8, isVector=True))
    np.testing.assert_array_equal(colours.array, np.moveaxis(RGB8, -1, 0))


@pytest.mark.parametrize("codes", [(1, 1), (1, 4), (0, 2), (2, 0), (0, 0)])
def test_a_nibabel_volume_keeps_both_places(tmp_path: Path, codes: tuple[int, int]) -> None:
    header = nibabel.Nifti1Header()
    header.set_data_shape((6, 5, 4))
    header.set_zooms((0.7, 0.8, 3.1))
    scan = nibabel.Nifti1Image(RNG.integers(-1000, 1000, (6, 5, 4)).astype(np.int16), None, header)
    scan.set_qform(placed((0.7, 0.8, 3.1), (10, 20, 30)) if codes[0] else None, codes[0])
    scan.set_sform(placed((0.7, 0.8, 3.1), (4, -7, 12)) if codes[1] else None, codes[1])
    scan.header.set_slope_inter(2.0, -10)
    path = tmp_path / "scan.nii.gz"
    scan.to_filename(path)

    expected, found = read_image(path), to_image(nibabel.load(path))

    _same(found, expected)
    assert found.nifti is not None and expected.nifti is not None
    assert (found.nifti.qform_code, found.nifti.sform_code) == codes
    np.testing.assert_allclose(found.nifti.to_qform, expected.nifti.to_qform, atol=1e-4)


def test_a_nibabel_volume_in_memory_lies_where_its_mask_will(tmp_path: Path) -> None:
    affine = placed((0.7, 0.8, 3.1), (10, 20, 30))
    image = to_image(nibabel.Nifti1Image(np.zeros((6, 5, 4), np.float32), affine))

    mask = nibabel.load(write_labels(tmp_path / "m.nii.gz", np.zeros((4, 5, 6), np.uint8), image, ("a", "b")))

    np.testing.assert_allclose(mask.affine, affine, atol=1e-4)


def test_a_nibabel_volume_that_was_moved_forgets_the_old_place(tmp_path: Path) -> None:
    volume = nibabel.load(nifti(tmp_path / "v.nii.gz"))
    moved = nibabel.Nifti1Image(volume.dataobj, volume.affine, volume.header)
    moved.affine[:3, 3] += 50

    image = to_image(moved)

    np.testing.assert_allclose(image.affine, moved.affine)
    assert image.nifti is None


def test_spacing_that_is_given_wins(tmp_path: Path) -> None:
    assert to_image(Pillow.fromarray(GREY8), (0.1, 0.2)).spacing_mm == (0.1, 0.2)
    assert to_image(saved(tmp_path / "a.png", GREY8).read_bytes(), (0.1, 0.2)).spacing_mm == (0.1, 0.2)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda d: b"", "0 bytes"),
        (lambda d: b"<!DOCTYPE html>", "start with"),
        (lambda d: io.StringIO("text"), "opened as text"),
        (lambda d: cut(saved(d / "a.png", GREY8), 0.5).read_bytes(), "cannot be read"),
        (lambda d: io.BytesIO(cut(itk_file(d / "v.nii.gz"), 0.5).read_bytes()), "cut short"),
        (lambda d: nibabel.load(cut(itk_file(d / "v.nii"), 0.8)), "expected a whole image"),
        (lambda d: nibabel.Nifti1Image(np.zeros((4, 4, 4, 9)), np.eye(4)), "points in time"),
        (lambda d: SimpleITK.Image([4, 4, 4, 4], SimpleITK.sitkUInt8), "4 axes"),
        (lambda d: np.ma.masked_equal(GREY8, GREY8[0, 0]), "are masked"),
    ],
)
def test_what_cannot_be_read_is_refused_by_the_name_it_was_given(
    tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        to_image(make(tmp_path), name="mine")

    assert "expected" in str(caught.value) and "zoo-" not in str(caught.value)


def test_a_closed_file_and_one_for_writing_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", GREY8)
    with path.open("rb") as closed:
        pass
    with pytest.raises(InputError, match=r"a\.png: cannot be read"):
        to_image(closed)
    with (tmp_path / "b.png").open("wb") as writing, pytest.raises(InputError, match=r"open\(path, 'rb'\)"):
        to_image(writing)


def test_a_masked_array_without_hidden_values_is_an_array() -> None:
    np.testing.assert_array_equal(to_image(np.ma.array(GREY8)).array[0], GREY8)


def test_every_object_is_one_image_for_predict(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", GREY8)
    with path.open("rb") as file, Pillow.open(path) as picture:
        objects = [path.read_bytes(), io.BytesIO(path.read_bytes()), file, picture, SimpleITK.ReadImage(path), GREY8]

        assert all(is_single(each) and is_object(each) for each in objects)
        for _, image in images(objects):
            assert isinstance(image, Image)
            np.testing.assert_array_equal(image.array[0], GREY8)


@pytest.mark.parametrize("value", [3, None, object(), {"a": 1}, [1], "a.png", Path("a.png")])
def test_other_things_are_no_objects(value: object) -> None:
    assert not is_object(value)
