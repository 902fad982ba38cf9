"""What the numbers in a DICOM file mean: one rescale for each frame, dark padding, palettes of 8 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from pydicom import Dataset
from pydicom.uid import EnhancedCTImageStorage

from zoo.common.errors import InputError
from zoo.common.io import read_image

from .dicom_files import SPACING, STUDY, VALUES, positions, write_enhanced, write_series, write_slice
from .files import GREY8, GREY16, RNG, write_dicom


def _item(**tags: object) -> Dataset:
    item = Dataset()
    for name, value in tags.items():
        setattr(item, name, value)
    return item


def _peer(path: Path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))


def _shared(**tags: object) -> list[Dataset]:
    orientation = _item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    measures = _item(PixelSpacing=list(SPACING[1:]), SliceThickness=SPACING[0])
    return [_item(PlaneOrientationSequence=[orientation], PixelMeasuresSequence=[measures], **tags)]


RESCALE = [_item(RescaleSlope=2, RescaleIntercept=-1024, RescaleType="HU")]


def test_one_frame_of_an_enhanced_file_is_rescaled_and_placed(tmp_path: Path) -> None:
    path = write_enhanced(
        tmp_path / "a.dcm", [3], SharedFunctionalGroupsSequence=_shared(PixelValueTransformationSequence=RESCALE)
    )

    image = read_image(path)

    np.testing.assert_array_equal(image.array, _peer(path))
    np.testing.assert_array_equal(image.array[0], VALUES[3] * 2.0 - 1024)
    assert image.spacing_mm == SPACING[1:]
    np.testing.assert_allclose((image.affine @ (0, 0, 0, 1))[:3], positions()[3] * (-1, -1, 1))
    np.testing.assert_allclose(np.linalg.norm(image.affine[:3, :3], axis=0), SPACING[::-1])


@pytest.mark.parametrize("frames", [1, 4])
def test_a_rescale_of_the_frames_and_of_the_file_is_applied_once(tmp_path: Path, frames: int) -> None:
    groups = _shared(PixelValueTransformationSequence=RESCALE)
    path = write_enhanced(
        tmp_path / "a.dcm",
        range(frames),
        SharedFunctionalGroupsSequence=groups,
        RescaleSlope=2,
        RescaleIntercept=-1024,
    )

    np.testing.assert_array_equal(read_image(path).array.reshape(-1), _peer(path).reshape(-1))
    np.testing.assert_array_equal(
        read_image(path).array.reshape(frames, *VALUES[0].shape), VALUES[:frames] * 2.0 - 1024
    )


def test_frames_without_a_place_are_rescaled_each_by_its_own_slope(tmp_path: Path) -> None:
    groups = [
        _item(PixelValueTransformationSequence=[_item(RescaleSlope=slope, RescaleIntercept=-slope)])
        for slope in (1, 2, 3)
    ]
    path = write_dicom(
        tmp_path / "a.dcm",
        VALUES[:3],
        SOPClassUID=EnhancedCTImageStorage,
        NumberOfFrames=3,
        PerFrameFunctionalGroupsSequence=groups,
    )

    slopes = np.array([1.0, 2, 3])[:, None, None]
    np.testing.assert_array_equal(read_image(path).array[0], VALUES[:3] * slopes - slopes)


def test_a_series_of_enhanced_files_with_one_frame_each_is_a_volume(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    for i in range(4):
        write_enhanced(
            tmp_path / "series" / f"{i}.dcm",
            [i],
            SharedFunctionalGroupsSequence=_shared(PixelValueTransformationSequence=RESCALE),
        )

    image = read_image(tmp_path / "series")

    np.testing.assert_array_equal(image.array[0], VALUES[:4] * 2.0 - 1024)
    np.testing.assert_allclose(image.spacing_mm, SPACING)


@pytest.mark.parametrize("padding", [0, 65535])
@pytest.mark.parametrize("slope", [1, 3])
def test_padding_stays_background_where_low_means_white(tmp_path: Path, padding: int, slope: int) -> None:
    values = RNG.integers(1000, 3000, (6, 7)).astype(np.uint16)
    values[:, :2] = padding
    tags = {"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": slope, "RescaleIntercept": 0}

    array = read_image(write_dicom(tmp_path / "a.dcm", values, **tags, PixelPaddingValue=padding)).array[0]

    inside = (65535 - values[:, 2:].astype(float)) * slope
    np.testing.assert_array_equal(array[:, 2:], inside)
    np.testing.assert_array_equal(array[:, :2], inside.min())


def test_a_range_of_padding_stays_background(tmp_path: Path) -> None:
    values = np.array([[0, 5, 100, 300]], np.uint16)
    tags = {"PhotometricInterpretation": "MONOCHROME1", "PixelPaddingValue": 0, "PixelPaddingRangeLimit": 5}

    array = read_image(write_dicom(tmp_path / "a.dcm", values, **tags)).array[0, 0]

    np.testing.assert_array_equal(array, [65235, 65235, 65435, 65235])


def test_signed_padding_is_found(tmp_path: Path) -> None:
    values = np.array([[-2000, -2000, 0, 300]], np.int16)
    tags = {"PhotometricInterpretation": "MONOCHROME1", "PixelPaddingValue": -2000}

    array = read_image(write_dicom(tmp_path / "a.dcm", values, **tags)).array[0, 0]

    np.testing.assert_array_equal(array, [-301, -301, -1, -301])


def test_without_padding_low_means_white_as_simpleitk_reads_it(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", GREY16, PhotometricInterpretation="MONOCHROME1")

    np.testing.assert_array_equal(read_image(path).array, _peer(path))


def _table(entries: np.ndarray, bits: int) -> Dataset:
    item = _item(LUTDescriptor=[len(entries), 0, bits], ModalityLUTType="US", LUTData=entries.tolist())
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return item


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_a_table_takes_the_numbers_as_stored(tmp_path: Path, kind: str) -> None:
    entries = (np.arange(256) ** 2 // 16).astype(np.uint16)
    path = write_dicom(
        tmp_path / "a.dcm", GREY8, PhotometricInterpretation=kind, ModalityLUTSequence=[_table(entries, 12)]
    )

    expected = entries[GREY8].astype(int)
    np.testing.assert_array_equal(read_image(path).array[0], 4095 - expected if kind == "MONOCHROME1" else expected)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_becomes_colours_of_eight_bits(tmp_path: Path, bits: int) -> None:
    tags: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour, share in (("Red", 1.0), ("Green", 0.5), ("Blue", 0.25)):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, bits]
        entries = np.arange(256) * (257 if bits == 16 else 1) * share
        tags[f"{colour}PaletteColorLookupTableData"] = entries.astype(f"<u{bits // 8}").tobytes()
    path = write_dicom(tmp_path / "a.dcm", GREY8, **tags)

    np.testing.assert_array_equal(read_image(path).array, np.moveaxis(_peer(path).reshape(*GREY8.shape, 3), -1, 0))


def test_bits_that_are_not_stored_are_not_read_from_frames(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", VALUES | 0x8000, NumberOfFrames=len(VALUES), BitsStored=12, HighBit=11)

    np.testing.assert_array_equal(read_image(path).array[0], VALUES)


@pytest.mark.parametrize("planar", [0, 1])
def test_colours_in_planes_are_the_same_colours(tmp_path: Path, planar: int) -> None:
    colours = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    path = write_dicom(
        tmp_path / "a.dcm",
        np.moveaxis(colours, -1, 0) if planar else colours,
        Rows=6,
        Columns=8,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=planar,
    )

    np.testing.assert_array_equal(read_image(path).array, np.moveaxis(colours, -1, 0))


def test_a_series_of_two_thicknesses_is_told_as_it_is(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "series")
    for path in folder.iterdir():
        path.unlink()
    depths = np.cumsum([0, 3, 5, 3, 5, 3, 5])
    for i, depth in enumerate(depths):
        write_slice(folder / f"{i}.dcm", VALUES[0], (0, 0, depth), SeriesInstanceUID=STUDY["SeriesInstanceUID"])

    with pytest.raises(InputError, match=r"mixed distances \(3 x 3\.0 mm; 3 x 5\.0 mm\)") as caught:
        read_image(folder)

    assert "4.0" not in str(caught.value)
