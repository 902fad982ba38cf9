"""Writes a picture as DICOM secondary capture, so that it lies in the study of the image it shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo.common.io.dicom_objects import (
    CAPTURE,
    Hide,
    algorithm_name,
    dated,
    highdicom,
    program,
    sources_of,
    told_plainly,
)
from zoo.common.provenance import Provenance
from zoo.common.types import Image

WHAT = "DICOM capture"


def write_capture(path: Path, pixels: np.ndarray, image: Image, made_by: Provenance, hide: Hide | None = None) -> None:
    """Write colours (h, w, 3) of 8 bits. `image` was read from DICOM files that are still there."""
    hd = highdicom(WHAT)
    sources = sources_of(image, WHAT, hide)
    told = program(image, sources, made_by, CAPTURE)
    with told_plainly(image, WHAT):
        capture = hd.sc.SCImage.from_ref_dataset(
            ref_dataset=sources[0],
            pixel_array=pixels,
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            patient_orientation=("L", "P"),
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            **told,
        )
        capture.Laterality = ""
        capture.PatientOrientation = []  # of a picture with words beside it
        capture.BurnedInAnnotation = "NO" if hide is not None else "YES"  # the name of the image is drawn in it
        dated(capture, f"Overlay by {algorithm_name(made_by)}").save_as(path)
