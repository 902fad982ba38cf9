"""Writes volume files with SimpleITK and nibabel, and spoils their headers."""

from __future__ import annotations

import struct
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK

from .files import RNG, placed, written

VALUES = RNG.integers(-1000, 1000, (5, 6, 7)).astype(np.int16)
AFFINE = placed((0.7, 0.8, 3.1), (10, 20, 30))
FORMATS = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd")
FLIP_XY = np.diag([-1.0, -1.0, 1.0, 1.0])
NIFTI_1 = {"dim": 40, "datatype": 70, "pixdim": 76, "vox_offset": 108, "slope": 112, "units": 123, "qform": 252,
           "sform": 254, "quaternion": 256, "rows": 280, "magic": 344}  # fmt: skip


def itk_file(path: Path, values: np.ndarray = VALUES, compressed: bool = False, vector: bool = False) -> Path:
    image = SimpleITK.GetImageFromArray(values, isVector=vector)
    if image.GetDimension() == 3:
        affine = FLIP_XY @ AFFINE
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        image.SetSpacing(spacing.tolist())
        image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
        image.SetOrigin(affine[:3, 3].tolist())
    SimpleITK.WriteImage(image, path, useCompression=compressed)
    return path


def nifti(path: Path, values: np.ndarray = VALUES, affine: np.ndarray | None = AFFINE, version: int = 1) -> Path:
    kind = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
    nibabel.save(kind(values.T, affine), path)
    return path


def patched(path: Path, field: str, layout: str, *numbers: float) -> Path:
    """Overwrite a field of an uncompressed NIfTI-1 header."""
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, NIFTI_1[field], *numbers)
    return written(path, bytes(content))
