"""Writes masks as DICOM-SEG files that refer to the DICOM slices they were computed from."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.errors import ConfigError, InputError
from zoo.common.io.dicom import is_dicom, open_dicom
from zoo.common.io.dicom_frames import frame_order
from zoo.common.types import Image

if TYPE_CHECKING:
    from pydicom import Dataset

PRODUCT = "openmedia-zoo"
EMPTY_IF_MISSING = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
CODE_SCHEME = "99OPENMEDIAZOO"  # 99: a private scheme, as class names are not in a public one


def write_segmentation(path: Path, labels: np.ndarray, image: Image, classes: Sequence[str]) -> None:
    """Write one binary segment per class but the background.

    labels: on the grid of `image`, which was read from DICOM files that are still there.
    """
    hd = _highdicom()
    if not image.files or not all(file.is_file() and is_dicom(file) for file in image.files):
        raise InputError(
            f"{image.name}: not read from DICOM files that are still there; expected these for a DICOM-SEG. "
            "Write .nii.gz instead."
        )
    if len(classes) < 2:
        raise InputError(f"{image.name}: classes {tuple(classes)} given; expected one besides the background")
    sources = [_with_patient(open_dicom(file)) for file in image.files]
    masks = labels.reshape(-1, *labels.shape[-2:])
    if len(sources) == 1:  # the frames of a file keep its order, whatever the order of their places
        order, _ = frame_order(sources[0], image.name)
        masks = masks[np.argsort(order)]
    try:
        segmentation = hd.seg.Segmentation(
            source_images=sources,
            pixel_array=masks,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_described(i, name) for i, name in enumerate(classes) if i > 0],
            series_instance_uid=hd.UID(),
            series_number=1000,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer=PRODUCT,
            manufacturer_model_name=PRODUCT,
            software_versions=version(PRODUCT),
            device_serial_number="0",
            omit_empty_frames=bool(masks.any()),
        )
    except (AttributeError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{image.name}: its DICOM files lack what a DICOM-SEG refers to ({error}); write .nii.gz instead"
        ) from error
    segmentation.save_as(path)


def _highdicom() -> Any:
    try:
        import highdicom
    except ImportError as error:
        raise ConfigError(
            "DICOM-SEG asked for, highdicom is not installed; run: pip install openmedia-zoo[dicom]"
        ) from error
    return highdicom


def _with_patient(data: Dataset) -> Dataset:
    """Add those tags without a value that a file may leave out and a DICOM-SEG may not."""
    for tag in EMPTY_IF_MISSING:
        if tag not in data:
            setattr(data, tag, "")
    return data


def _described(number: int, name: str) -> Any:
    hd = _highdicom()
    code = hd.sr.CodedConcept(value=f"CLASS-{number}", scheme_designator=CODE_SCHEME, meaning=name[:64])
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=name[:64],
        segmented_property_category=hd.sr.CodedConcept("91723000", "SCT", "Anatomical Structure"),
        segmented_property_type=code,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=PRODUCT,
            version=version(PRODUCT),
            family=hd.sr.CodedConcept("123110", "DCM", "Artificial Intelligence"),
        ),
    )
