"""Where the frames of a DICOM file lie, and what rescales them: functional groups, or the file itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.dicom_stack import Plane, plane_affine, stack

if TYPE_CHECKING:
    from pydicom import Dataset

CENTIMETRES = 3  # PhysicalUnitsXDirection of an ultrasound region
SAME_SCALE = 0.01  # share by which the scales of ultrasound regions may differ
MAX_SKEW = 0.01  # difference of the directions' products from those of two axes at right angles
GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")


def group(data: Dataset, frame: int, name: str) -> Dataset | None:
    """Find a functional group of a frame: its own, or the one that all frames share."""
    own = data.get(GROUPS[0]) or ()
    for groups in (*own[frame : frame + 1], *(data.get(GROUPS[1]) or ())):
        if groups.get(name):
            return groups[name][0]
    return None


def measure(data: Dataset, frame: int, name: str, tag: str) -> Any:
    """Return a tag of a frame's functional group; where it is not there, the file's own."""
    found = group(data, frame, name)
    value = None if found is None else found.get(tag)
    return data.get(tag) if value is None or value == "" else value


def transform_of(data: Dataset, frame: int) -> Dataset:
    """Return what holds the rescale of a frame: its functional group, and the file only where there is none."""
    found = group(data, frame, "PixelValueTransformationSequence")
    return data if found is None else found


def frame_order(data: Dataset, name: str) -> tuple[list[int], np.ndarray | None]:
    """Return the frames in the order of their places, and voxel index to world where the frames say it."""
    frames = int(data.get("NumberOfFrames") or 1)
    if frames == 1:
        plane = plane_of(data, name)
        return [0], None if plane is None else plane_affine(plane, plane.normal * _thickness_mm(data))
    planes = []
    for frame in range(frames):
        position = group(data, frame, "PlanePositionSequence")  # the file's own cannot be that of every frame
        axes = measure(data, frame, "PlaneOrientationSequence", "ImageOrientationPatient")
        spacing = measure(data, frame, "PixelMeasuresSequence", "PixelSpacing")
        if position is None or not axes or not spacing:  # a film, or slices that nobody placed
            return list(range(frames)), None
        planes.append(_plane(f"frame {frame + 1}", position.get("ImagePositionPatient"), axes, spacing, data))
    return stack(planes, name)


def plane_of(data: Dataset, label: str) -> Plane | None:
    """Return where a file with one slice lies; None where it does not say."""
    position = measure(data, 0, "PlanePositionSequence", "ImagePositionPatient")
    axes = measure(data, 0, "PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = measure(data, 0, "PixelMeasuresSequence", "PixelSpacing")
    if not position or not axes or not spacing:
        return None
    return _plane(label, position, axes, spacing, data)


def pixel_spacing(data: Dataset) -> tuple[float, float] | None:
    """Return the size of a pixel (h, w) [mm], of the patient and not of the detector."""
    spacing = measure(data, 0, "PixelMeasuresSequence", "PixelSpacing")
    if spacing:
        row, column = spacing
        return float(row), float(column)
    return _spacing_of_regions(data.get("SequenceOfUltrasoundRegions") or ())


def _spacing_of_regions(regions: Iterable[Dataset]) -> tuple[float, float] | None:
    """Return the size of a pixel in the calibrated regions of an ultrasound; None where they are of different scales.

    One number for the picture would then be wrong in a part of it, such as in the smaller of two views side by side.
    """
    sizes = []
    for region in regions:
        height, width = (abs(float(region.get(tag) or 0)) * 10 for tag in ("PhysicalDeltaY", "PhysicalDeltaX"))
        is_length = region.get("PhysicalUnitsXDirection") == region.get("PhysicalUnitsYDirection") == CENTIMETRES
        sizes += [(height, width)] if is_length and height and width else []
    is_one = bool(sizes) and np.allclose(sizes, sizes[0], rtol=SAME_SCALE, atol=0)
    return sizes[0] if is_one else None


def _thickness_mm(data: Dataset) -> float:
    tags = ("SpacingBetweenSlices", "SliceThickness")
    found = (measure(data, 0, "PixelMeasuresSequence", tag) for tag in tags)
    return abs(float(next((str(value) for value in found if value), 1.0)))


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
