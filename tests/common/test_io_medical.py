"""Medical files become images in what they mean: HU, millimetres, bright is high."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from zoo.common.io import read_image

from .files import GREY8, GREY16, RNG, write_dicom


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha", ".nrrd"])
def test_a_volume_keeps_values_and_spacing(tmp_path: Path, suffix: str) -> None:
    values = RNG.integers(-1000, 1000, (5, 6, 7), dtype=np.int16)
    stored = SimpleITK.GetImageFromArray(values)
    stored.SetSpacing((0.5, 0.75, 2.0))
    SimpleITK.WriteImage(stored, tmp_path / f"v{suffix}")

    image = read_image(tmp_path / f"v{suffix}")

    np.testing.assert_array_equal(image.array[0], values)
    assert image.spacing_mm == (2.0, 0.75, 0.5)
    assert image.affine is not None
    np.testing.assert_allclose(np.abs(np.diag(image.affine)), (0.5, 0.75, 2.0, 1.0))


def test_a_volume_of_one_slice_is_a_picture(tmp_path: Path) -> None:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(GREY16[None].astype(np.int32)), tmp_path / "v.nii.gz")

    np.testing.assert_array_equal(read_image(tmp_path / "v.nii.gz").array, GREY16[None])


def test_dicom_is_rescaled_and_spaced(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "ct.dcm", GREY16, RescaleSlope=0.5, RescaleIntercept=-1024, PixelSpacing=[0.8, 0.7])

    image = read_image(path)

    np.testing.assert_allclose(image.array[0], GREY16 * 0.5 - 1024)
    assert image.spacing_mm == (0.8, 0.7)


def test_monochrome1_is_turned_so_that_bright_is_high(tmp_path: Path) -> None:
    path = write_dicom(
        tmp_path / "x.dcm", GREY16 // 16, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11
    )

    np.testing.assert_array_equal(read_image(path).array[0], 4095.0 - GREY16 // 16)


def test_signed_monochrome1_mirrors_around_minus_one_half(tmp_path: Path) -> None:
    values = np.array([[-32768, -1], [0, 32767]], dtype=np.int16)
    path = write_dicom(tmp_path / "x.dcm", values, PhotometricInterpretation="MONOCHROME1")

    np.testing.assert_array_equal(read_image(path).array[0], [[32767, 0], [-1, -32768]])


def region(width_cm: float, height_cm: float, unit: int = 3) -> pydicom.Dataset:
    data = pydicom.Dataset()
    data.PhysicalUnitsXDirection = data.PhysicalUnitsYDirection = unit
    data.PhysicalDeltaX, data.PhysicalDeltaY = width_cm, height_cm
    return data


def test_ultrasound_regions_give_the_spacing_in_millimetres(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "us.dcm", GREY8, SequenceOfUltrasoundRegions=[region(0.02, 0.03)])

    assert read_image(path).spacing_mm == pytest.approx((0.3, 0.2))


def test_ultrasound_regions_of_two_scales_give_no_spacing_for_the_whole_picture(tmp_path: Path) -> None:
    seconds, side = region(0.5, 0.5, unit=4), region(0.02, 0.03)
    found = {}
    for name, regions in (("alike", [seconds, side, side]), ("two", [side, region(0.01, 0.01)]), ("0", [region(0, 0)])):
        path = write_dicom(tmp_path / f"{name}.dcm", GREY8, SequenceOfUltrasoundRegions=regions)
        found[name] = read_image(path).spacing_mm

    assert found == {"alike": pytest.approx((0.3, 0.2)), "two": None, "0": None}


def test_dicom_is_known_without_a_suffix_and_frames_become_slices(tmp_path: Path) -> None:
    frames = RNG.integers(0, 256, (3, 4, 6), dtype=np.uint8)
    path = write_dicom(tmp_path / "IM0001", frames, NumberOfFrames=3)

    np.testing.assert_array_equal(read_image(path).array, frames[None])


def test_a_spacing_from_outside_wins(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "ct.dcm", GREY16, PixelSpacing=[0.8, 0.7])

    assert read_image(path, spacing_mm=(0.1, 0.2)).spacing_mm == (0.1, 0.2)
