"""DICOM slices become one volume in its place, or an InputError that lists what does not belong together."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from pydicom import dcmread
from pydicom.uid import (
    generate_uid,
)
from scipy.spatial.transform import Rotation

from zoo.common.errors import InputError
from zoo.common.io import read_image
from zoo.common.io.write import write_labels
from zoo.prediction.sources import images, is_single

from .dicom_files import (
    ORIGIN,
    SPACING,
    VALUES,
    positions,
    slice_path,
    write_enhanced,
    write_series,
    write_slice,
)
from .files import GREY16, cut, write_dicom, written

OBLIQUE = Rotation.from_euler("xyz", [15, -25, 40], degrees=True).as_matrix()[:2].tolist()
SAGITTAL = [[0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]


@pytest.mark.parametrize("axes", [((1, 0, 0), (0, 1, 0)), SAGITTAL, OBLIQUE], ids=["axial", "sagittal", "oblique"])
def test_a_series_is_sorted_along_its_normal_and_placed(tmp_path: Path, axes: list[list[float]]) -> None:
    image = read_image(write_series(tmp_path / "series", axes))

    np.testing.assert_array_equal(image.array[0], VALUES)
    np.testing.assert_allclose(image.spacing_mm, SPACING, atol=1e-5)
    for zyx in ((0, 0, 0), (5, 4, 6)):
        in_plane = np.array(axes[0]) * zyx[2] * SPACING[2] + np.array(axes[1]) * zyx[1] * SPACING[1]
        expected = positions(axes)[zyx[0]] + in_plane
        np.testing.assert_allclose((image.affine @ (*zyx[::-1], 1))[:3], expected * (-1, -1, 1), atol=1e-4)


def test_simpleitk_puts_the_series_and_its_mask_in_the_same_place(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "series", OBLIQUE)
    peer = SimpleITK.ReadImage(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))

    image = read_image(folder)
    path = write_labels(tmp_path / "mask.nii.gz", VALUES > 2000, image, ("rest", "bright"))

    mask = SimpleITK.ReadImage(path)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(peer), image.array[0])
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(mask), VALUES > 2000)
    for index in ((0, 0, 0), (6, 4, 5)):
        np.testing.assert_allclose(
            mask.TransformIndexToPhysicalPoint(index), peer.TransformIndexToPhysicalPoint(index), atol=1e-4
        )


def test_every_slice_has_its_own_slope(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "series")
    for i, place in enumerate(positions()):
        write_slice(slice_path(folder, i), VALUES[i], place, RescaleSlope=i + 1, RescaleIntercept=-1024)

    expected = VALUES * np.arange(1, 7)[:, None, None] - 1024.0

    np.testing.assert_array_equal(read_image(folder).array[0], expected)


def test_files_without_suffix_and_index_files_are_told_apart(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "series")
    for path in list(folder.iterdir()):
        path.rename(folder / f"1.2.840.{path.stem}")
    written(folder / "DICOMDIR", b"\0" * 128 + b"DICM")
    written(folder / "notes.txt", b"no image")

    np.testing.assert_array_equal(read_image(folder).array[0], VALUES)


def second_series(folder: Path) -> None:
    for i in (0, 1):
        tags = {"SeriesInstanceUID": "1.2.3", "SeriesNumber": 7, "SeriesDescription": "scout"}
        write_slice(folder / f"s{i}.dcm", VALUES[i], positions()[i], **tags)


def placed_again(folder: Path, number: int, **tags: object) -> None:
    write_slice(slice_path(folder, number), VALUES[number], positions()[number], **tags)


BAD: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "missing slice": (lambda d: slice_path(d, 2).unlink(), ["5.00 mm between", "usual 2.50 mm"]),
    "repeated slice": (
        lambda d: write_slice(d / "again.dcm", VALUES[3], positions()[3]), ["again.dcm", "one slice per place"]
    ),
    "two series": (second_series, ["2 series", "6 of series 3 (thorax)", "2 of series 7 (scout)", "s0.dcm"]),
    "two sizes": (
        lambda d: write_slice(slice_path(d, 1), VALUES[1, :4], positions()[1]), ["different sizes", "4 x 7", "5 x 7"]
    ),
    "two pixel sizes": (lambda d: placed_again(d, 1, PixelSpacing=[0.9, 0.7]), ["different pixel sizes", "0.9"]),
    "a localizer": (
        lambda d: placed_again(d, 1, ImageOrientationPatient=[0, 1, 0, 0, 0, -1]), ["different directions"]
    ),
    "a slice without place": (
        lambda d: placed_again(d, 1, ImagePositionPatient=None), ["1 of 6 files", "ImagePositionPatient"]
    ),
    "a slice without pixel size": (lambda d: placed_again(d, 1, PixelSpacing=None), ["PixelSpacing"]),
    "skewed axes": (lambda d: placed_again(d, 1, ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), ["right angles"]),
    "a damaged slice": (lambda d: cut(slice_path(d, 4), 0.95), ["damaged or cut short"]),
    "a headless slice": (lambda d: cut(slice_path(d, 4), 0.1), [".dcm"]),
    "an empty slice": (lambda d: written(slice_path(d, 4), b""), ["no DICOM header"]),
    "a shifted slice": (
        lambda d: write_slice(slice_path(d, 3), VALUES[3], positions()[3] + (3, 0, 0)), ["jump sideways"]
    ),
    "a colour slice": (
        lambda d: placed_again(
            d, 1, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0,
            PixelData=np.zeros((5, 7, 3), np.uint16).tobytes(),
        ), ["colours"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_slices_that_make_no_volume_are_refused_with_a_list(tmp_path: Path, case: str) -> None:
    spoil, said = BAD[case]
    folder = write_series(tmp_path / "series")
    spoil(folder)

    with pytest.raises(InputError) as caught:
        read_image(folder)

    message = str(caught.value)
    assert message.startswith(str(folder))
    assert [part for part in said if part not in message] == []
    assert "expected" in message
    assert len(message) < 700


def test_a_tilted_gantry_is_measured_and_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "series", tilt_mm=SPACING[0] * np.tan(np.radians(12)))

    with pytest.raises(InputError, match=r"12\.0 degrees, as by a tilted gantry"):
        read_image(folder)


def test_a_folder_without_dicom_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without DICOM files"):
        read_image(tmp_path)


def test_one_slice_keeps_its_place(tmp_path: Path) -> None:
    image = read_image(write_slice(tmp_path / "a.dcm", VALUES[0], ORIGIN))

    assert image.array.shape == (1, 5, 7)
    assert image.spacing_mm == SPACING[1:]
    np.testing.assert_allclose(image.affine[:3, 3], ORIGIN * (-1, -1, 1))


def test_frames_are_sorted_and_rescaled_one_by_one(tmp_path: Path) -> None:
    slopes = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    image = read_image(write_enhanced(tmp_path / "e.dcm", [3, 0, 5, 1, 4, 2], slopes))

    np.testing.assert_array_equal(image.array[0], VALUES * np.array(slopes)[:, None, None] - 10)
    np.testing.assert_allclose(image.spacing_mm, SPACING)
    np.testing.assert_allclose(image.affine[:3, 3], ORIGIN * (-1, -1, 1))


def test_frames_with_a_gap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="between frame 2 and frame 3"):
        read_image(write_enhanced(tmp_path / "e.dcm", [0, 1, 3, 4, 5]))


@pytest.mark.parametrize(
    "tags", [{"Modality": "RTSTRUCT"}, {"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.3"}]
)
def test_contours_are_refused(tmp_path: Path, tags: dict[str, str]) -> None:
    folder = write_series(tmp_path / "series")
    write_dicom(folder / "rs.dcm", GREY16, **tags)

    for path in (folder, folder / "rs.dcm"):
        with pytest.raises(InputError, match=r"rs\.dcm: contours \(RTSTRUCT\) given, which are not read; expected"):
            read_image(path)


def test_files_that_describe_other_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="SEG given, which describes another image"):
        read_image(write_dicom(tmp_path / "s.dcm", GREY16, Modality="SEG"))


def test_a_deflated_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.common.io.dicom.MAX_VALUES", 1 << 20)
    path = write_dicom(tmp_path / "b.dcm", GREY16)
    content = path.read_bytes()
    length = int.from_bytes(content[140:144], "little")
    meta = bytearray(content[: 144 + length])
    plain = b"1.2.840.10008.1.2.1\0"
    longer = b"1.2.840.10008.1.2.1.99"
    at = meta.index(plain)
    meta[at - 2 : at] = len(longer).to_bytes(2, "little")
    meta[at + 0 : at + len(plain)] = longer
    meta[140:144] = (length + len(longer) - len(plain)).to_bytes(4, "little")
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = b"".join(stream.compress(bytes(1 << 22)) for _ in range(2)) + stream.flush()

    with pytest.raises(InputError, match="inflates to more than"):
        read_image(written(path, bytes(meta) + zeros))


def test_a_folder_with_one_series_is_one_image(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "series")

    ((name, image),) = images(folder)

    assert is_single(folder)
    assert name == str(folder)
    np.testing.assert_array_equal(image.array[0], VALUES)
    assert [path.name for path in image.files] == [slice_path(folder, i).name for i in range(6)]


def test_folders_of_series_are_one_image_each(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_series(tmp_path / name)

    assert not is_single(tmp_path)
    assert [name for name, _ in images(tmp_path)] == [str(tmp_path / "a"), str(tmp_path / "b")]


def test_mixed_series_are_refused_where_one_image_is_asked_for(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "series")
    second_series(folder)

    with pytest.raises(InputError, match="2 series given"):
        read_image(folder)


def test_single_pictures_in_one_folder_stay_single(tmp_path: Path) -> None:
    for name in "ab":
        write_dicom(tmp_path / f"{name}.dcm", GREY16, SeriesInstanceUID=generate_uid(), Modality="DX")

    assert [Path(name).name for name, _ in images(tmp_path)] == ["a.dcm", "b.dcm"]


@pytest.mark.parametrize("stored", [8, 12, 16])
@pytest.mark.parametrize("signed", [0, 1])
def test_plain_pixels_are_what_pydicom_makes_of_them(tmp_path: Path, stored: int, signed: int) -> None:
    bits = 8 if stored == 8 else 16
    values = (np.arange(-17, 18).reshape(5, 7) * 1777).astype(f"i{bits // 8}")  # fills unused bits, too
    tags = {"BitsAllocated": bits, "BitsStored": stored, "HighBit": stored - 1, "PixelRepresentation": signed}
    path = write_slice(tmp_path / "a.dcm", GREY16[:5, :7], ORIGIN, **tags, Rows=5, Columns=7, PixelData=_even(values))

    found = read_image(path).array[0]

    np.testing.assert_array_equal(found, dcmread(path).pixel_array)


def _even(values: np.ndarray) -> bytes:
    content = values.tobytes()
    return content + b"\0" * (len(content) % 2)


@pytest.mark.parametrize(
    "tags",
    [
        {"BitsStored": 17},
        {"PixelRepresentation": 2},
        {"SamplesPerPixel": 2},
        {"PhotometricInterpretation": "GREY"},
        {"PixelData": VALUES[2:4].tobytes()},
    ],
    ids=lambda tags: next(iter(tags)),
)
def test_pixels_that_pydicom_refuses_stay_refused(tmp_path: Path, tags: dict[str, object]) -> None:
    folder = write_series(tmp_path / "series")
    write_slice(slice_path(folder, 2), VALUES[2], positions()[2], **tags)

    with pytest.raises(InputError):
        read_image(folder)
