"""Writes masks as an RT Structure Set: outlines in the patient's space, one region per class, for planning systems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.dicom_objects import (
    LONGEST,
    PRODUCT,
    STRUCTURES,
    Hide,
    algorithm_name,
    kind_of,
    parameters,
    slice_places,
    sources_of,
    told_plainly,
)
from zoo.common.io.outlines_of_masks import outlines
from zoo.common.provenance import UNKNOWN, Provenance
from zoo.common.types import Image

if TYPE_CHECKING:
    from pydicom import Dataset

WHAT = "DICOM RTSTRUCT"
STUDY = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management, which refers to a study
FROM_IMAGE = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge", "PatientSize", "PatientWeight",
    "StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "StudyDescription", "AccessionNumber",
    "ReferringPhysicianName", "FrameOfReferenceUID",
)  # fmt: skip
NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "FrameOfReferenceUID")
COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
SHORT = 16  # characters of a label, and of a number as text
DECIMALS = 3  # of a millimetre


def write_structures(
    path: Path,
    labels: np.ndarray,
    image: Image,
    classes: Sequence[str],
    made_by: Provenance = UNKNOWN,
    hide: Hide | None = None,
) -> None:
    """Write one region per class but the background; a class that is nowhere is a region without outlines.

    labels: on the grid of `image`, which was read from DICOM files that are still there and say where they lie.
    """
    sources = sources_of(image, WHAT, hide)
    with told_plainly(image, WHAT):
        for tag in NEEDED:
            if not sources[0].get(tag):
                raise InputError(f"{image.name}: its DICOM files have no {tag}; a {WHAT} refers to it. Write .nii.gz")
        made = _structure_set(image, sources, classes, made_by)
        made.ROIContourSequence = []
        slices = list(zip(labels.reshape(-1, *labels.shape[-2:]), slice_places(image, sources), strict=True))
        for number in range(1, len(classes)):
            region = _item(ReferencedROINumber=number, ROIDisplayColor=list(COLOURS[(number - 1) % len(COLOURS)]))
            found = [c for mask, (data, frame) in slices for c in _contours(mask == number, data, frame)]
            if found:
                region.ContourSequence = found
            made.ROIContourSequence.append(region)
        made.save_as(path, enforce_file_format=True)


def _contours(mask: np.ndarray, data: Dataset, frame: int | None) -> Iterator[Dataset]:
    """Yield the outlines of one slice."""
    if not mask.any():
        return
    corner, right, down = _place(data, frame)
    for line in outlines(mask):
        points = corner + line[:, :1] * right + line[:, 1:] * down
        yield _item(
            ContourImageSequence=[_reference(data, frame)],
            ContourGeometricType="CLOSED_PLANAR",
            NumberOfContourPoints=len(points),
            ContourData=[f"{value:.{DECIMALS}f}"[:SHORT] for value in points.ravel()],
        )


def _place(data: Dataset, frame: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the centre of the first pixel, and the steps to the next column and row, in the patient's space [mm]."""
    position = orientation = measures = data
    if frame is not None:
        own, shared = data.PerFrameFunctionalGroupsSequence[frame - 1], data.SharedFunctionalGroupsSequence[0]
        names = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
        position, orientation, measures = ((own if name in own else shared)[name][0] for name in names)
    axes = np.array(orientation.ImageOrientationPatient, np.float64)
    rows_mm, columns_mm = (float(step) for step in measures.PixelSpacing)
    return np.array(position.ImagePositionPatient, np.float64), axes[:3] * columns_mm, axes[3:] * rows_mm


def _structure_set(image: Image, sources: Sequence[Dataset], classes: Sequence[str], made_by: Provenance) -> Dataset:
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

    now, first, made = datetime.now(), sources[0], Dataset()
    for tag in FROM_IMAGE:
        if tag in first:
            made[tag] = first[tag]
    made.SpecificCharacterSet = "ISO_IR 192"  # names of patients and classes are text by now, whatever they came as
    made.SOPClassUID, made.SOPInstanceUID = RTStructureSetStorage, generate_uid()
    made.Modality, made.SeriesInstanceUID, made.InstanceNumber = "RTSTRUCT", generate_uid(), 1
    number = str(first.get("SeriesNumber") or "0")
    made.SeriesNumber = STRUCTURES + (int(number) if number.isdigit() else 0)
    made.SeriesDescription = f"Structures: {', '.join(classes[1:])}"[:LONGEST]
    made.Manufacturer, made.ManufacturerModelName = PRODUCT, (made_by.algorithm or PRODUCT)[:LONGEST]
    made.SoftwareVersions, made.OperatorsName = made_by.version or version(PRODUCT), ""
    made.DeviceSerialNumber, made.PositionReferenceIndicator = made_by.sha256[:16] or "0", ""
    made.SeriesDate = made.StructureSetDate = made.InstanceCreationDate = now.strftime("%Y%m%d")
    made.SeriesTime = made.StructureSetTime = made.InstanceCreationTime = now.strftime("%H%M%S")
    made.StructureSetLabel, made.StructureSetName = PRODUCT[:SHORT], algorithm_name(made_by)
    made.StructureSetDescription = "; ".join(f"{name} {value}" for name, value in parameters(made_by).items())
    made.ReferencedFrameOfReferenceSequence = [_frame_of_reference(image, sources)]
    regions = range(1, len(classes))
    made.StructureSetROISequence = [_region(i, classes[i], first, made_by) for i in regions]
    made.RTROIObservationsSequence = [_observed(i, classes[i], made_by) for i in regions]
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def _frame_of_reference(image: Image, sources: Sequence[Dataset]) -> Dataset:
    """Refer to every slice that was looked at."""
    images = [_reference(data, None) for data in sources]
    series = _item(SeriesInstanceUID=sources[0].SeriesInstanceUID, ContourImageSequence=images)
    study = _item(
        ReferencedSOPClassUID=STUDY,
        ReferencedSOPInstanceUID=sources[0].StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    return _item(FrameOfReferenceUID=sources[0].FrameOfReferenceUID, RTReferencedStudySequence=[study])


def _region(number: int, name: str, first: Dataset, made_by: Provenance) -> Dataset:
    return _item(
        ROINumber=number,
        ReferencedFrameOfReferenceUID=first.FrameOfReferenceUID,
        ROIName=name[:LONGEST],
        ROIGenerationAlgorithm="AUTOMATIC",
        ROIGenerationDescription=algorithm_name(made_by),
    )


def _observed(number: int, name: str, made_by: Provenance) -> Dataset:
    """Say what a region is, by the code that its class has in the registry, else a private one."""
    code = kind_of(name, made_by)[1]
    coded = _item(CodeValue=code.value, CodingSchemeDesignator=code.scheme, CodeMeaning=code.meaning[:LONGEST])
    return _item(
        ObservationNumber=number,
        ReferencedROINumber=number,
        ROIObservationLabel=name[:SHORT],
        RTROIIdentificationCodeSequence=[coded],
        RTROIInterpretedType="",
        ROIInterpreter="",
    )


def _reference(data: Dataset, frame: int | None) -> Dataset:
    more = {} if frame is None else {"ReferencedFrameNumber": frame}
    return _item(ReferencedSOPClassUID=data.SOPClassUID, ReferencedSOPInstanceUID=data.SOPInstanceUID, **more)


def _item(**tags: object) -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    for name, value in tags.items():
        setattr(item, name, value)
    return item
