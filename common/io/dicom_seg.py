"""Writes masks as DICOM-SEG files that refer to the DICOM slices they were computed from."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.dicom_frames import frame_order
from zoo.common.io.dicom_objects import (
    INTELLIGENCE,
    LONGEST,
    PRODUCT,
    SEGMENTATION,
    Hide,
    algorithm_name,
    coded,
    dated,
    highdicom,
    kind_of,
    parameters,
    program,
    sources_of,
    told_plainly,
)
from zoo.common.provenance import UNKNOWN, Provenance
from zoo.common.types import Image

WHAT = "DICOM-SEG"


def write_segmentation(
    path: Path,
    labels: np.ndarray,
    image: Image,
    classes: Sequence[str],
    made_by: Provenance = UNKNOWN,
    hide: Hide | None = None,
) -> None:
    """Write one binary segment per class but the background.

    labels: on the grid of `image`, which was read from DICOM files that are still there. hide: takes names out of them.
    """
    hd = highdicom(WHAT)
    sources = sources_of(image, WHAT, hide)
    if len(classes) < 2:
        raise InputError(f"{image.name}: classes {tuple(classes)} given; expected one besides the background")
    masks = labels.reshape(-1, *labels.shape[-2:])
    if len(sources) == 1:  # the frames of a file keep its order, whatever the order of their places
        order, _ = frame_order(sources[0], image.name)
        masks = masks[np.argsort(order)]
    with told_plainly(image, WHAT):
        segmentation = hd.seg.Segmentation(
            source_images=sources,
            pixel_array=masks,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_described(i, name, made_by) for i, name in enumerate(classes) if i > 0],
            omit_empty_frames=bool(masks.any()),
            content_label="SEGMENTATION",
            content_description=f"{', '.join(classes[1:])} by {algorithm_name(made_by)}"[:LONGEST],
            **program(image, sources, made_by, SEGMENTATION),
        )
        dated(segmentation, f"Segmentation: {', '.join(classes[1:])}").save_as(path)


def _described(number: int, name: str, made_by: Provenance) -> Any:
    hd = highdicom(WHAT)
    category, kind = kind_of(name, made_by)
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=name[:LONGEST],
        segmented_property_category=coded(category),
        segmented_property_type=coded(kind),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=algorithm_name(made_by),
            version=made_by.version or version(PRODUCT),
            family=coded(INTELLIGENCE),
            parameters=parameters(made_by),
        ),
        tracking_uid=hd.UID(),
        tracking_id=name[:LONGEST],
    )
