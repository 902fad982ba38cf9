"""Medical files as images: NIfTI, MetaImage and NRRD by SimpleITK, single DICOM files by pydicom."""

from __future__ import annotations

import gzip
import struct
import zlib
from io import BufferedIOBase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.errors import InputError
from zoo.common.images import check_size
from zoo.common.types import Image

if TYPE_CHECKING:
    import SimpleITK
    from pydicom import Dataset

CENTIMETRES = 3  # PhysicalUnitsXDirection of an ultrasound region
BLOCK = 1 << 20  # bytes read at once


def read_volume(path: Path) -> Image:
    """Read a picture or volume with SimpleITK; a volume of one slice becomes a picture.

    affine: voxel index (x, y, z) to world in NIfTI's axes (right, anterior, superior).
    """
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)  # the exception says the same
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size = reader.GetSize()
    check_size((reader.GetNumberOfComponents(), *size), path.name)
    if len(size) > 3 and any(n > 1 for n in size[3:]):
        raise InputError(f"{path.name}: {len(size)} axes {size} given; expected (x, y) or (x, y, z)")
    if path.name.lower().endswith((".nii", ".nii.gz")):
        check_complete_nifti(path)  # SimpleITK fills the missing end with whatever memory holds
    image = reader.Execute()
    values = SimpleITK.GetArrayFromImage(image)
    values = np.moveaxis(values, -1, 0) if image.GetNumberOfComponentsPerPixel() > 1 else values[None]
    axes = min(len(size), 3)
    values = values.reshape(values.shape[0], *values.shape[-axes:])
    spacing = image.GetSpacing()[:axes][::-1]
    if axes == 3 and values.shape[1] == 1:
        return Image(values[:, 0], spacing_mm=spacing[1:], name=path.name)
    return Image(values, spacing_mm=spacing, affine=_affine(image) if axes == 3 else None, name=path.name)


def _affine(image: SimpleITK.Image) -> np.ndarray:
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(image.GetDimension(), -1)[:3, :3]
    affine[:3, :3] = direction * np.array(image.GetSpacing()[:3])
    affine[:3, 3] = image.GetOrigin()[:3]
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine  # ITK counts to the left and back, NIfTI to the right and front


def check_complete_nifti(path: Path) -> None:
    """Refuse a NIfTI file that holds fewer bytes than its header says, or whose gzip checksum is wrong."""
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opener(path, "rb") as file:
            needed = _nifti_bytes(file.read(540), path.name)
            found = 540 + _count(file, needed)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path.name}: damaged or cut short ({error}); expected a whole file") from error
    if found < needed:
        raise InputError(f"{path.name}: {found:,} bytes of {needed:,} are there; expected a whole file. Copy it again.")


def _nifti_bytes(header: bytes, name: str) -> int:
    """Return the length of header and voxels that a NIfTI-1 or NIfTI-2 header promises."""
    for order in "<>":
        (kind,) = struct.unpack_from(order + "i", header)
        if kind == 348:
            dims, (bits,) = struct.unpack_from(order + "8h", header, 40), struct.unpack_from(order + "h", header, 72)
            (offset,) = struct.unpack_from(order + "f", header, 108)
        elif kind == 540:
            dims, (bits,) = struct.unpack_from(order + "8q", header, 16), struct.unpack_from(order + "h", header, 14)
            (offset,) = struct.unpack_from(order + "q", header, 168)
        else:
            continue
        voxels = int(np.prod([max(n, 1) for n in dims[1 : dims[0] + 1]], dtype=object))
        check_size((voxels,), name)
        return int(offset) + voxels * bits // 8
    raise InputError(f"{name}: no NIfTI header; expected NIfTI-1 or NIfTI-2")


def _count(file: BufferedIOBase, needed: int) -> int:
    """Read to the end, which also checks gzip's sum; stop at twice what is needed."""
    found = 0
    while found <= 2 * needed and (block := file.read(BLOCK)):
        found += len(block)
    return found


def is_dicom(path: Path) -> bool:
    """Look for DICOM's mark; files often come without a suffix."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def read_dicom(path: Path) -> Image:
    """Read one DICOM file: rescaled (CT in HU), bright always high, frames as slices.

    spacing_mm comes from PixelSpacing or a calibrated ultrasound region; never from ImagerPixelSpacing, which
    measures the detector and not the patient.
    """
    import pydicom

    try:
        data = pydicom.dcmread(path)
    except pydicom.errors.InvalidDicomError as error:
        raise InputError(f"{path.name}: no DICOM header; expected a DICOM file") from error
    rows, columns = data.get("Rows"), data.get("Columns")
    if "PixelData" not in data or not rows or not columns:
        raise InputError(f"{path.name}: {data.get('Modality', 'DICOM')} without pixels; expected a DICOM image")
    frames, samples = int(data.get("NumberOfFrames") or 1), int(data.get("SamplesPerPixel", 1))
    check_size((samples, frames, rows, columns), path.name)
    values = _rescaled(data).reshape(frames, rows, columns, -1)
    values = np.moveaxis(values, -1, 0)
    spacing = _dicom_spacing(data)
    if frames == 1:
        return Image(values[:, 0], spacing_mm=spacing, name=path.name)
    between = data.get("SpacingBetweenSlices")
    return Image(values, spacing_mm=(float(between), *spacing) if between and spacing else None, name=path.name)


def _rescaled(data: Dataset) -> np.ndarray:
    """Decode the pixels into what they mean: palette to RGB, MONOCHROME1 inverted, modality rescale applied."""
    from pydicom.pixels import apply_color_lut, apply_modality_lut

    values = data.pixel_array
    kind = data.get("PhotometricInterpretation", "MONOCHROME2")
    if kind == "PALETTE COLOR":
        return apply_color_lut(values, data)
    if kind == "MONOCHROME1":  # low means white: mirror within the stored range
        bits, signed = int(data.BitsStored), int(data.PixelRepresentation)
        values = (-1 if signed else 2**bits - 1) - values.astype(np.int64)
    if int(data.get("SamplesPerPixel", 1)) > 1:
        return values
    if "ModalityLUTSequence" in data:
        return apply_modality_lut(values, data)
    return values * float(data.get("RescaleSlope", 1)) + float(data.get("RescaleIntercept", 0))


def _dicom_spacing(data: Dataset) -> tuple[float, float] | None:
    if data.get("PixelSpacing"):
        row, column = data.PixelSpacing
        return float(row), float(column)
    for region in data.get("SequenceOfUltrasoundRegions", ()):
        if region.get("PhysicalUnitsXDirection") == region.get("PhysicalUnitsYDirection") == CENTIMETRES:
            return abs(float(region.PhysicalDeltaY)) * 10, abs(float(region.PhysicalDeltaX)) * 10
    return None
