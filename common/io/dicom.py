"""Single DICOM files as images: what their numbers mean, and where they lie."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.dicom_frames import frame_order, measure, pixel_spacing, transform_of
from zoo.common.io.dicom_values import is_plain, meaning, stored_values
from zoo.common.io.images import MAX_VALUES, check_size
from zoo.common.io.voxels import STEP, checked_spacing
from zoo.common.types import Image

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

    Known = dict[str, tuple[tuple[object, ...], DataElement]]  # keyword: bytes and what they mean

DEFLATED = b"1.2.840.10008.1.2.1.99"  # the one transfer syntax whose whole file is compressed
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"  # SOP class of contours
REPEATED = (
    "Modality", "SOPClassUID", "SeriesInstanceUID", "ImageOrientationPatient", "PixelSpacing", "SamplesPerPixel",
    "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation",
    "RescaleIntercept", "RescaleSlope",
)  # fmt: skip
ORIGIN = {  # what an answer tells of where its image belongs: name, DICOM's tag
    "patient_id": "PatientID",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "instance_uid": "SOPInstanceUID",
    "frame_of_reference_uid": "FrameOfReferenceUID",
    "modality": "Modality",
    "series_number": "SeriesNumber",
    "series_description": "SeriesDescription",
    "study_date": "StudyDate",
}
NO_IMAGES = ("SEG", "RTPLAN", "RTDOSE", "SR", "PR", "KO", "REG")


def is_dicom(path: Path) -> bool:
    """Look for DICOM's mark; files often come without a suffix."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def read_dicom(path: Path) -> Image:
    """Read one DICOM file: rescaled (CT in HU), bright always high, frames as slices in the order of their places.

    spacing_mm comes from PixelSpacing or a calibrated ultrasound region; never from ImagerPixelSpacing, which
    measures the detector and not the patient.
    """
    data = open_dicom(path)
    frames = int(data.get("NumberOfFrames") or 1)
    check_size((int(data.get("SamplesPerPixel") or 1), frames, data.Rows, data.Columns), path.name)
    order, affine = frame_order(data, path.name)
    array = _frames(data, order)
    image = Image(array, affine=affine, name=path.name, modality=modality_of(data), dicom=origin_of(data))
    if affine is not None and frames > 1:
        return replace(image, spacing_mm=checked_spacing(affine, path.name))
    spacing: tuple[float, ...] | None = pixel_spacing(data)
    if frames == 1:
        if affine is not None:
            checked_spacing(affine, path.name)
        return replace(image, array=array[:, 0], spacing_mm=spacing)
    between = measure(data, 0, "PixelMeasuresSequence", "SpacingBetweenSlices")
    return replace(image, spacing_mm=(abs(float(between)), *spacing) if between and spacing else None)


def modality_of(data: Dataset) -> str:
    """Return DICOM's word for how the image came about, such as CT; "" where the file has none."""
    return str(data.get("Modality") or "")


def origin_of(data: Dataset) -> dict[str, str]:
    """Return what the file says of patient, study, series and itself; without what it leaves out."""
    found = {name: data.get(tag) for name, tag in ORIGIN.items()}
    window = [_first(data.get(tag)) for tag in ("WindowCenter", "WindowWidth")]
    found["window_hu"] = ", ".join(window) if all(window) and modality_of(data) == "CT" else None
    return {name: str(value) for name, value in found.items() if value not in (None, "")}


def _first(value: object) -> str:
    """Return the first of several values of a tag; "" for none."""
    several = isinstance(value, Sequence) and not isinstance(value, str)
    return str(value[0] if several and value else "" if several or value is None else value)  # type: ignore[index]


def _frames(data: Dataset, order: list[int]) -> np.ndarray:
    """Decode the frames in an order, (c, d, h, w), each with the transform of its own."""
    stored = stored_values(data).reshape(len(order), data.Rows, data.Columns, -1)
    if is_plain(data):
        return np.moveaxis(stored if order == sorted(order) else stored[order], -1, 0)
    array = np.empty((stored.shape[-1], *stored.shape[:-1]), np.float32)
    for i, frame in enumerate(order):
        array[:, i] = np.moveaxis(meaning(stored[frame], data, transform_of(data, frame)), -1, 0)
    return array


def open_dicom(path: Path, known: Known | None = None) -> Dataset:
    """Read a file of pixels, which are decoded when they are used.

    known: the tags of other files of the series, which this one adds to; the same bytes are converted only once.
    """
    import pydicom

    with path.open("rb") as file:
        _refuse_bomb(file, path.name)
        try:
            data = pydicom.dcmread(file)
        except pydicom.errors.InvalidDicomError as error:
            raise InputError(f"{path.name}: no DICOM header; expected a DICOM file") from error
    if known is not None:
        _share(data, known)
    kind = data.get("Modality", "DICOM")
    if kind == "RTSTRUCT" or data.get("SOPClassUID") == STRUCTURE_SET:
        raise InputError(
            f"{path.name}: contours (RTSTRUCT) given, which are not read; expected an image, or the contours filled "
            "into a mask (NIfTI, NRRD, MetaImage). Move it out of the folder of a series."
        )
    if kind in NO_IMAGES:
        raise InputError(f"{path.name}: {kind} given, which describes another image; expected that image")
    if "PixelData" not in data or not data.get("Rows") or not data.get("Columns"):
        raise InputError(f"{path.name}: {kind} without pixels; expected a DICOM image")
    return data


def _share(data: Dataset, known: Known) -> None:
    """Convert the tags that slices repeat, or take them over from a slice with the same bytes."""
    from pydicom.datadict import tag_for_keyword

    for name in REPEATED:
        tag = tag_for_keyword(name)
        raw = data.get_item(tag)
        if raw is None or not raw.is_raw:
            continue
        content = (raw.VR, raw.value, raw.is_little_endian)
        before = known.get(name)
        if before is not None and before[0] == content:
            data[tag] = before[1]
        else:
            known[name] = content, data[tag]


def _refuse_bomb(file: BinaryIO, name: str) -> None:
    """Measure a deflated file before pydicom decompresses it in one piece; leave the file at its start."""
    start = file.read(1024)
    if DEFLATED in start:
        group_length = int.from_bytes(start[140:144], "little")  # of the header, which is not compressed
        file.seek(144 + group_length)
        stream, total, rest = zlib.decompressobj(-15), 0, b""
        while not stream.eof and (block := rest or file.read(STEP)):
            total += len(stream.decompress(block, STEP))
            rest = stream.unconsumed_tail
            if total > 4 * MAX_VALUES:
                raise InputError(f"{name}: inflates to more than {total:,} bytes; expected a smaller file")
    file.seek(0)
