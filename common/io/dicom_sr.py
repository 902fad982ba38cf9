"""Writes findings with their measurements as DICOM SR (template 1500), referring to images and DICOM-SEG."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.findings import Finding
from zoo.common.io.dicom_objects import (
    INTELLIGENCE,
    LONGEST,
    PRODUCT,
    REPORT,
    Hide,
    algorithm_name,
    coded,
    dated,
    highdicom,
    kind_of,
    parameters,
    private,
    program,
    slice_places,
    sources_of,
    told_plainly,
)
from zoo.common.provenance import Code, Provenance
from zoo.common.types import Image

if TYPE_CHECKING:
    from pydicom import Dataset

WHAT = "DICOM SR"
MEASURES = {  # names that have a public code; the others get a private one
    "size_ml": Code("118565006", "Volume"),
    "size_mm2": Code("42798000", "Area"),
    "area_mm2": Code("42798000", "Area"),
    "diameter_mm": Code("81827009", "Diameter"),
    "perimeter_mm": Code("131191004", "Perimeter"),
    "probability": Code("122157", "Probability", "DCM"),
    "score": Code("246262008", "Score"),
}
UNITS = {  # endings of names: UCUM
    "mm": Code("mm", "millimeter", "UCUM"),
    "mm2": Code("mm2", "square millimeter", "UCUM"),
    "ml": Code("ml", "milliliter", "UCUM"),
    "deg": Code("deg", "degree", "UCUM"),
    "px": Code("{pixels}", "pixels", "UCUM"),
    "um": Code("um", "micrometer", "UCUM"),
    "um2": Code("um2", "square micrometer", "UCUM"),
}
NO_UNIT = Code("1", "no units", "UCUM")
PROCEDURES = {  # by DICOM's word for the modality
    "CT": Code("77477000", "Computed tomography"),
    "MR": Code("113091000", "Magnetic resonance imaging"),
    "US": Code("16310003", "Ultrasonography"),
    "ES": Code("423827005", "Endoscopy"),
    **dict.fromkeys(("CR", "DX"), Code("168537006", "Plain radiography")),
}
IMAGING = Code("363679005", "Imaging")


def write_report(
    path: Path,
    findings: Sequence[Finding],
    image: Image,
    made_by: Provenance,
    segmentation: Path | None = None,
    hide: Hide | None = None,
) -> None:
    """Write a measurement report.

    image: was read from DICOM files that are still there. segmentation: the DICOM-SEG that segments are in; without,
    findings that are known by a segment alone are told without their place.
    """
    hd = highdicom(WHAT)
    sources = sources_of(image, WHAT, hide)
    with told_plainly(image, WHAT):
        mask = None if segmentation is None else hd.seg.segread(segmentation)
        places = slice_places(image, sources)
        groups = [_group(f, i, places, mask, made_by) for i, f in enumerate(findings)]
        content = hd.sr.MeasurementReport(
            observation_context=_observer(made_by),
            procedure_reported=coded(PROCEDURES.get(str(sources[0].get("Modality")), IMAGING)),
            imaging_measurements=groups or None,
        )  # without the library of images, which is optional and asks for more tags than many files have
        report = hd.sr.Comprehensive3DSR(
            evidence=[*sources, *([mask] if mask is not None else [])],
            content=content[0],
            is_complete=True,
            is_final=False,
            **program(image, sources, made_by, REPORT),
        )
        dated(report, f"Measurements by {algorithm_name(made_by)}").save_as(path)


def measured(name: str, value: float) -> Any:
    """Return a measurement with its name and unit as codes."""
    unit = UNITS.get(name.rsplit("_", 1)[-1], NO_UNIT)
    return highdicom(WHAT).sr.Measurement(coded(MEASURES.get(name, private(name))), float(value), coded(unit))


def _group(
    finding: Finding,
    number: int,
    places: Sequence[tuple[Dataset, int | None]],
    mask: Any,
    made_by: Provenance,
) -> Any:
    sr = highdicom(WHAT).sr
    category, kind = kind_of(finding.name, made_by)
    told = {
        "tracking_identifier": sr.TrackingIdentifier(uid=None, identifier=f"{finding.name} {number + 1}"),
        "finding_category": coded(category),
        "finding_type": coded(kind),
        "algorithm_id": sr.AlgorithmIdentification(
            algorithm_name(made_by),
            made_by.version or version(PRODUCT),
            [f"{name}={value}" for name, value in parameters(made_by).items()],
            coded(INTELLIGENCE),
        ),
        "measurements": [measured(name, value) for name, value in finding.measurements.items() if np.isfinite(value)],
    }
    segment = _segment(finding, mask, places[0][0], is_volume=len(places) > 1)
    if segment is not None and len(places) > 1:
        return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **told)
    if segment is not None:
        return sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **told)
    regions = [_region(finding.outline, points, *places[i]) for i, points in finding.places] if finding.outline else []
    if len(regions) == 1:
        return sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=regions[0], **told)
    if regions:
        return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_regions=regions, **told)
    return sr.MeasurementsAndQualitativeEvaluations(**told)


def _segment(finding: Finding, mask: Any, source: Dataset, is_volume: bool) -> Any:
    """Refer to a segment, of a picture to its frame; None where there is no mask, or nothing of the class in it."""
    if mask is None or not finding.segment or not any(finding.measurements.values()):
        return None
    sr, shared = highdicom(WHAT).sr, mask.SharedFunctionalGroupsSequence[0]  # it holds the number of an only segment
    owners = [g if "SegmentIdentificationSequence" in g else shared for g in mask.PerFrameFunctionalGroupsSequence]
    numbers = [int(owner.SegmentIdentificationSequence[0].ReferencedSegmentNumber) for owner in owners]
    if finding.segment not in numbers:
        return None
    if is_volume:
        series = sr.SourceSeriesForSegmentation(source.SeriesInstanceUID)
        return sr.ReferencedSegment(mask.SOPClassUID, mask.SOPInstanceUID, finding.segment, source_series=series)
    frames = [1] if "NumberOfFrames" in source else None
    image = sr.SourceImageForSegmentation(source.SOPClassUID, source.SOPInstanceUID, frames)
    number = numbers.index(finding.segment) + 1
    frame = sr.ReferencedSegmentationFrame(mask.SOPClassUID, mask.SOPInstanceUID, number, finding.segment, image)
    del frame[0].ReferencedSOPSequence[0].ReferencedSegmentNumber  # PS3.3 table 10-3: not beside a number of the frame
    return frame


def _region(outline: str, points: np.ndarray, source: Dataset, frame: int | None) -> Any:
    sr = highdicom(WHAT).sr
    image = sr.SourceImageForRegion(source.SOPClassUID, source.SOPInstanceUID, None if frame is None else [frame])
    # DICOM counts from the corner of the first pixel
    return sr.ImageRegion(outline, np.asarray(points, np.float64) + 0.5, image)


def _observer(made_by: Provenance) -> Any:
    from pydicom.uid import generate_uid

    hd = highdicom(WHAT)
    uid = generate_uid(entropy_srcs=[PRODUCT, made_by.algorithm, made_by.sha256])
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=uid, name=algorithm_name(made_by)[:LONGEST], manufacturer_name=PRODUCT
    )
    return hd.sr.ObservationContext(
        observer_device_context=hd.sr.ObserverContext(
            observer_type=coded(Code("121007", "Device", "DCM")), observer_identifying_attributes=device
        )
    )
