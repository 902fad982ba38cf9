"""A mask of a DICOM image becomes a DICOM-SEG that refers to its slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from zoo.common.errors import InputError
from zoo.common.io import read_image
from zoo.common.io.write import write_labels
from zoo.common.types import Image

from .dicom_files import VALUES, slice_path, write_enhanced, write_series, write_slice
from .test_io_dicom import OBLIQUE

hd = pytest.importorskip("highdicom")
CLASSES = ("background", "lung", "lesion")
LABELS = (VALUES // 1400).astype(int)  # 0, 1 and 2
pytestmark = pytest.mark.filterwarnings("ignore")  # of pydicom, about values that our tiny files leave empty


def test_a_segment_per_class_lies_on_the_slices(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "series", OBLIQUE)
    image = read_image(folder)

    seg = hd.seg.segread(write_labels(tmp_path / "m.dcm", LABELS, image, CLASSES))

    uids = [pydicom.dcmread(slice_path(folder, i)).SOPInstanceUID for i in range(len(VALUES))]
    stored = seg.get_pixels_by_source_instance(uids, combine_segments=True, ignore_spatial_locations=True)
    np.testing.assert_array_equal(stored, LABELS)
    assert [seg.get_segment_description(i).segment_label for i in (1, 2)] == list(CLASSES[1:])
    assert seg.SeriesInstanceUID != pydicom.dcmread(slice_path(folder, 0)).SeriesInstanceUID
    assert seg.StudyInstanceUID == pydicom.dcmread(slice_path(folder, 0)).StudyInstanceUID


def test_the_segments_lie_in_the_place_of_the_image(tmp_path: Path) -> None:
    image = read_image(write_series(tmp_path / "series", OBLIQUE))

    volume = hd.seg.segread(write_labels(tmp_path / "m.dcm", LABELS, image, CLASSES)).get_volume(combine_segments=True)

    back = volume.flip_spatial(0)  # highdicom counts slices against their normal
    np.testing.assert_array_equal(back.array, LABELS)
    expected = np.diag([-1, -1, 1, 1]) @ image.affine[:, [2, 1, 0, 3]]  # and axes as (slice, row, column)
    np.testing.assert_allclose(back.affine, expected, atol=1e-4)


def test_frames_of_one_file_keep_its_order(tmp_path: Path) -> None:
    order = [3, 0, 5, 1, 4, 2]
    image = read_image(write_enhanced(tmp_path / "e.dcm", order))

    seg = hd.seg.segread(write_labels(tmp_path / "m.dcm", LABELS, image, CLASSES))

    volume = seg.get_volume(combine_segments=True)
    np.testing.assert_array_equal(volume.flip_spatial(0).array, LABELS)


def test_a_single_slice_and_an_empty_mask_are_written(tmp_path: Path) -> None:
    image = read_image(write_slice(tmp_path / "a.dcm", VALUES[0], (0, 0, 0)))

    path = write_labels(tmp_path / "m.dcm", np.zeros((5, 7), np.uint8), image, CLASSES)

    assert not pydicom.dcmread(path).pixel_array.any()


def test_an_image_of_another_format_is_refused(tmp_path: Path) -> None:
    image = Image(np.zeros((1, *VALUES.shape), np.float32), name="v.nii.gz")

    with pytest.raises(InputError, match="not read from DICOM"):
        write_labels(tmp_path / "m.dcm", LABELS, image, CLASSES)


def test_slices_without_study_are_refused_in_words(tmp_path: Path) -> None:
    image = read_image(write_slice(tmp_path / "a.dcm", VALUES[0], (0, 0, 0), StudyInstanceUID=None))

    with pytest.raises(InputError, match="lack what a DICOM-SEG refers to"):
        write_labels(tmp_path / "m.dcm", LABELS[0], image, CLASSES)
