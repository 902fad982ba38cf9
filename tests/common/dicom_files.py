"""Writes DICOM series and multi-frame files to read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK
from pydicom import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, generate_uid

from .files import RNG, write_dicom

STRAIGHT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))  # directions of rows and columns
STUDY = {
    "StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(), "FrameOfReferenceUID": generate_uid(),
    "Modality": "CT", "SeriesNumber": 3, "SeriesDescription": "thorax", "PatientID": "p1", "PatientName": "P",
    "PatientBirthDate": "", "PatientSex": "", "StudyID": "1", "StudyDate": "", "StudyTime": "",
    "AccessionNumber": "", "ReferringPhysicianName": "", "SOPClassUID": CTImageStorage,
    "PositionReferenceIndicator": "",
}  # fmt: skip
VALUES = RNG.integers(0, 4096, (6, 5, 7)).astype(np.uint16)
SPACING = (2.5, 0.8, 0.7)  # (d, h, w)
ORIGIN = np.array([-100.0, 50.0, 20.0])


def positions(axes: Sequence[Sequence[float]] = STRAIGHT, count: int = len(VALUES), tilt_mm: float = 0.0) -> np.ndarray:
    """Return where slices lie that follow each other along their normal, each `tilt_mm` further along its columns."""
    step = np.cross(*np.array(axes)) * SPACING[0] + np.array(axes[1]) * tilt_mm
    return ORIGIN + np.arange(count)[:, None] * step


def write_slice(path: Path, values: np.ndarray, position: Sequence[float], **tags: object) -> Path:
    """Write one CT slice; tags overrides everything, and None removes a tag."""
    every = {
        **STUDY,
        "SOPInstanceUID": generate_uid(),
        "ImagePositionPatient": [round(float(v), 6) for v in position],
        "ImageOrientationPatient": [v for axis in STRAIGHT for v in axis],
        "PixelSpacing": list(SPACING[1:]),
        "SliceThickness": SPACING[0],
        **tags,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_dicom(path, values, **{name: value for name, value in every.items() if value is not None})


def write_series(
    folder: Path, axes: Sequence[Sequence[float]] = STRAIGHT, tilt_mm: float = 0.0, **tags: object
) -> Path:
    """Write VALUES as slices whose names do not follow their places."""
    names = np.random.default_rng(1).permutation(len(VALUES))
    for name, values, position in zip(names, VALUES, positions(axes, tilt_mm=tilt_mm), strict=True):
        orientation = [round(float(v), 9) for axis in axes for v in axis]
        write_slice(folder / f"{name}.dcm", values, position, ImageOrientationPatient=orientation, **tags)
    return folder


def write_compressed(path: Path, values: np.ndarray, compressor: str) -> Path:
    """Write one picture by ITK: JPEG means lossless JPEG (process 14, selection value 1), JPEG2000 is lossless, too."""
    writer = SimpleITK.ImageFileWriter()
    writer.SetFileName(str(path))
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    writer.Execute(SimpleITK.GetImageFromArray(values))
    return path


def slice_path(folder: Path, number: int) -> Path:
    """Return the file of the slice that lies at `number`."""
    return folder / f"{np.random.default_rng(1).permutation(len(VALUES))[number]}.dcm"


def write_enhanced(path: Path, order: Sequence[int], slopes: Sequence[float] | None = None, **tags: object) -> Path:
    """Write VALUES as the frames of one file, in the given order of places."""
    frames, places = [], positions()
    for i in order:
        frame = Dataset()
        frame.PlanePositionSequence = [_item(ImagePositionPatient=[float(v) for v in places[i]])]
        if slopes is not None:
            transform = _item(RescaleSlope=slopes[i], RescaleIntercept=-10.0, RescaleType="HU")
            frame.PixelValueTransformationSequence = [transform]
        frames.append(frame)
    shared = Dataset()
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=[v for axis in STRAIGHT for v in axis])]
    shared.PixelMeasuresSequence = [_item(PixelSpacing=list(SPACING[1:]), SliceThickness=SPACING[0])]
    every = {
        **STUDY,
        "SOPClassUID": EnhancedCTImageStorage,
        "NumberOfFrames": len(order),
        "PerFrameFunctionalGroupsSequence": frames,
        "SharedFunctionalGroupsSequence": [shared],
        **tags,
    }
    return write_dicom(path, VALUES[list(order)], **every)


def _item(**tags: object) -> Dataset:
    item = Dataset()
    for name, value in tags.items():
        setattr(item, name, value)
    return item
