"""Single DICOM files as images: what their numbers mean, and where they lie."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.dicom_decoders import decoded
from zoo.common.io.dicom_stack import Plane, plane_affine, stack
from zoo.common.io.images import MAX_VALUES, check_size
from zoo.common.io.voxels import STEP, checked_spacing
from zoo.common.types import Image

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

    Known = dict[str, tuple[tuple[object, ...], DataElement]]  # keyword: bytes and what they mean

CENTIMETRES = 3  # PhysicalUnitsXDirection of an ultrasound region
DEFLATED = b"1.2.840.10008.1.2.1.99"  # the one transfer syntax whose whole file is compressed
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"  # SOP class of contours
MAX_SKEW = 0.01  # difference of the directions' products from those of two axes at right angles
PLAIN = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")  # transfer syntaxes without compression, lowest byte first
REPEATED = (
    "Modality", "SOPClassUID", "SeriesInstanceUID", "ImageOrientationPatient", "PixelSpacing", "SamplesPerPixel",
    "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation",
    "RescaleIntercept", "RescaleSlope",
)  # fmt: skip
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
    if frames > 1:
        return _read_frames(data, frames, path.name)
    plane, spacing, modality = plane_of(data, path.name), _pixel_spacing(data), modality_of(data)
    array = np.moveaxis(values_of(data).reshape(data.Rows, data.Columns, -1), -1, 0)
    if plane is None:
        return Image(array, spacing_mm=spacing, name=path.name, modality=modality)
    thickness = float(data.get("SpacingBetweenSlices") or data.get("SliceThickness") or 1.0)
    affine = plane_affine(plane, plane.normal * abs(thickness))
    checked_spacing(affine, path.name)
    return Image(array, spacing_mm=spacing, affine=affine, name=path.name, modality=modality)


def modality_of(data: Dataset) -> str:
    """Return DICOM's word for how the image came about, such as CT; "" where the file has none."""
    return str(data.get("Modality") or "")


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


def values_of(data: Dataset) -> np.ndarray:
    """Decode the pixels into what they mean: palette to RGB, MONOCHROME1 inverted, modality rescale applied."""
    from pydicom.pixels import apply_color_lut, apply_modality_lut

    kind = data.get("PhotometricInterpretation", "MONOCHROME2")
    values = _plain_values(data) if kind in ("MONOCHROME1", "MONOCHROME2") else None
    if values is None:
        values = decoded(data)
    if kind == "PALETTE COLOR":
        return apply_color_lut(values, data)
    if kind == "MONOCHROME1":  # low means white: mirror within the stored range
        bits, signed = int(data.BitsStored), int(data.PixelRepresentation)
        values = (-1 if signed else 2**bits - 1) - values.astype(np.int64)
    if int(data.get("SamplesPerPixel", 1)) > 1:
        return values
    if "ModalityLUTSequence" in data:
        return apply_modality_lut(values, data)
    return rescaled(values, data)


def _plain_values(data: Dataset) -> np.ndarray | None:
    """View one uncompressed grey slice in the bytes of its file; None where pydicom has to decode, or to refuse.

    pydicom's decoders look at dozens of tags for every slice, which takes longer than reading it.
    """
    bits, stored, signed = data.get("BitsAllocated"), data.get("BitsStored"), data.get("PixelRepresentation")
    is_plain = data.file_meta.get("TransferSyntaxUID") in PLAIN and bits in (8, 16) and signed in (0, 1)
    if not is_plain or data.get("SamplesPerPixel") != 1 or int(data.get("NumberOfFrames") or 1) != 1:
        return None
    content = data.get_item("PixelData").value
    size = (data.Rows, data.Columns)
    length = size[0] * size[1] * bits // 8
    if len(content) != length + length % 2 or not stored or not 1 <= stored <= bits:
        return None
    values = np.frombuffer(content, f"<{'i' if signed else 'u'}{bits // 8}", size[0] * size[1]).reshape(size)
    # bits that are not stored may hold anything; shifted out, the sign comes back, too
    return values if stored == bits else (values << (bits - stored)) >> (bits - stored)


def rescaled(values: np.ndarray, data: Dataset) -> np.ndarray:
    """Apply RescaleSlope and RescaleIntercept of a file or of a functional group; stored numbers without them."""
    slope, intercept = data.get("RescaleSlope"), data.get("RescaleIntercept")
    if slope in (None, 1) and intercept in (None, 0):
        return values
    return values * float(1 if slope is None else slope) + float(intercept or 0)


def plane_of(data: Dataset, label: str) -> Plane | None:
    """Return where a file with one slice lies; None where it does not say."""
    position, axes = data.get("ImagePositionPatient"), data.get("ImageOrientationPatient")
    spacing = data.get("PixelSpacing")
    if not position or not axes or not spacing:
        return None
    return _plane(label, position, axes, spacing, data)


def _plane(label: str, position: object, axes: object, spacing: object, data: Dataset) -> Plane:
    try:
        place = np.array(position, float).reshape(3)
        directions = np.array(axes, float).reshape(2, 3)
        height, width = (float(size) for size in spacing)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{label}: position, orientation or PixelSpacing is damaged ({error}); expected numbers"
        ) from error
    skew = np.abs(directions @ directions.T - np.eye(2)).max()
    if not np.isfinite([*place, height, width]).all() or not skew <= MAX_SKEW:
        raise InputError(
            f"{label}: ImageOrientationPatient {directions.tolist()} given; expected two axes at right angles"
        )
    return Plane(label, place, directions, (height, width), (int(data.Rows), int(data.Columns)))


def _read_frames(data: Dataset, frames: int, name: str) -> Image:
    order, affine = frame_order(data, name)
    values = values_of(data).reshape(frames, data.Rows, data.Columns, -1)
    if affine is None:
        spacing, between = _pixel_spacing(data), data.get("SpacingBetweenSlices")
        sizes = (abs(float(between)), *spacing) if between and spacing else None
        return Image(np.moveaxis(values, -1, 0), spacing_mm=sizes, name=name, modality=modality_of(data))
    array = np.empty((values.shape[-1], *values.shape[:-1]), np.float32)
    for i, frame in enumerate(order):
        group = _group(data, frame, "PixelValueTransformationSequence")
        array[:, i] = np.moveaxis(values[frame] if group is None else rescaled(values[frame], group), -1, 0)
    sizes_mm = checked_spacing(affine, name)
    return Image(array, spacing_mm=sizes_mm, affine=affine, name=name, modality=modality_of(data))


def frame_order(data: Dataset, name: str) -> tuple[list[int], np.ndarray | None]:
    """Return the frames in the order of their places, and voxel index to world where the frames say it."""
    frames = int(data.get("NumberOfFrames") or 1)
    planes = []
    for frame in range(frames if "PerFrameFunctionalGroupsSequence" in data else 0):
        position = _group(data, frame, "PlanePositionSequence")
        axes = _group(data, frame, "PlaneOrientationSequence")
        measures = _group(data, frame, "PixelMeasuresSequence")
        if position is None or axes is None or measures is None:
            break
        place = (
            position.get("ImagePositionPatient"),
            axes.get("ImageOrientationPatient"),
            measures.get("PixelSpacing"),
        )
        planes.append(_plane(f"frame {frame + 1}", *place, data))
    if len(planes) < frames:  # a film, or slices that nobody placed
        return list(range(frames)), None
    return stack(planes, name)


def _group(data: Dataset, frame: int, name: str) -> Dataset | None:
    """Find a functional group of a frame: its own, or the one that all frames share."""
    for groups in (data.PerFrameFunctionalGroupsSequence[frame], *data.get("SharedFunctionalGroupsSequence", ())):
        if groups.get(name):
            return groups[name][0]
    return None


def _pixel_spacing(data: Dataset) -> tuple[float, float] | None:
    if data.get("PixelSpacing"):
        row, column = data.PixelSpacing
        return float(row), float(column)
    for region in data.get("SequenceOfUltrasoundRegions", ()):
        if region.get("PhysicalUnitsXDirection") == region.get("PhysicalUnitsYDirection") == CENTIMETRES:
            return abs(float(region.PhysicalDeltaY)) * 10, abs(float(region.PhysicalDeltaX)) * 10
    return None


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
