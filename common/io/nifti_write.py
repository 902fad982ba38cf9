"""Writes arrays as NIfTI files that lie where their image lies, for readers of the sform and readers of the qform."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo.common.io.nifti import MM_PER_UNIT, in_units
from zoo.common.types import Image, NiftiWorlds

FLIP_XY = np.diag([-1.0, -1.0, 1.0, 1.0])  # ITK counts to the left and back, `Image.affine` to the right and front
SCANNER = 1  # code of a transform to the scanner's own axes
LONGEST_1 = 2**15 - 1  # voxels along an axis that NIfTI-1 can count
NUMBERS_PER_VOXEL = 5  # the axis along which they lie


def write_nifti(path: Path, values: np.ndarray, image: Image) -> None:
    """Write (d, h, w), (h, w), or several of them along a first axis, which becomes the last one of the file.

    (c, 1, d, h, w) is c numbers per voxel, as NIfTI has it.
    Both transforms of an image from a NIfTI file come back with their codes and its unit. An image with another place
    gets it as both transforms, one without a place none at all.
    """
    import nibabel

    voxels = values.T
    kind = nibabel.Nifti1Image if max(voxels.shape) <= LONGEST_1 else nibabel.Nifti2Image
    header = kind.header_class()
    header.set_data_shape(voxels.shape)
    header.set_data_dtype(values.dtype)
    if voxels.ndim == NUMBERS_PER_VOXEL:
        header.set_intent("vector")
    affine, worlds = _place(image)
    unit_mm = MM_PER_UNIT.get(worlds.units_code & 7, 1.0)
    sform, qform = in_units(affine, 1 / unit_mm), in_units(worlds.to_qform @ affine, 1 / unit_mm)
    sizes = np.ones(voxels.ndim)
    sizes[:3] = np.linalg.norm(sform[:3, :3], axis=0)[: voxels.ndim]
    header.set_zooms(sizes)
    if worlds.qform_code:
        header.set_qform(qform, worlds.qform_code)
    if worlds.sform_code:
        header.set_sform(sform, worlds.sform_code)
    header["xyzt_units"] = worlds.units_code
    nibabel.save(kind(voxels, None, header), path)


def itk_affine(image: Image) -> np.ndarray | None:
    """Return where programs built on ITK show the image: by the qform, unless the sform is of the scanner."""
    worlds = image.nifti
    if image.affine is None or worlds is None:
        return image.affine
    return worlds.to_qform @ image.affine if worlds.qform_code and worlds.sform_code != SCANNER else image.affine


def _place(image: Image) -> tuple[np.ndarray, NiftiWorlds]:
    if image.affine is not None:
        return image.affine, image.nifti or NiftiWorlds(SCANNER, SCANNER, np.eye(4))
    if image.plane is not None:
        return _standing(image.plane, image.spacing_mm), NiftiWorlds(SCANNER, SCANNER, np.eye(4))
    spacing = (image.spacing_mm or (1.0,) * len(image.size))[::-1]
    return np.diag([*spacing, *[1.0] * (4 - len(spacing))]), NiftiWorlds(0, 0, np.eye(4))


def _standing(plane: np.ndarray, spacing_mm: tuple[float, ...] | None) -> np.ndarray:
    """Return the affine of a picture in a plane of ITK's axes, as ITK writes it; pixels as large as the image says."""
    axes = plane[:2, :2] / np.linalg.norm(plane[:2, :2], axis=0) * (spacing_mm or (1.0, 1.0))[::-1]
    affine = np.eye(4)
    affine[:2, :2], affine[:2, 3] = axes, plane[:2, 2]
    return FLIP_XY @ affine
