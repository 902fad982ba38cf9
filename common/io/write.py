"""Writes masks and maps of predictions in the grid, the place and the format of the image they belong to."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from zoo.common.colours import palette
from zoo.common.errors import ConfigError, InputError
from zoo.common.files.outputs import explained
from zoo.common.io import file_suffix
from zoo.common.io.nifti_write import FLIP_XY, itk_affine, write_nifti
from zoo.common.types import Image

VOLUMES = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd")
COMPRESSED = (".nii.gz", ".mha", ".nrrd")
LABEL_SUFFIXES = (*VOLUMES, ".png", ".tif", ".npy", ".dcm")
MAP_SUFFIXES = (*VOLUMES, ".npy")


def write_labels(path: str | Path, labels: np.ndarray, image: Image, classes: Sequence[str]) -> Path:
    """Write a mask of class numbers; return where.

    labels: (h, w) or (d, h, w) integers on the grid of `image`. classes: classes[0] is the background.
    .png (with a palette), .tif (greys) and .npy hold the numbers alone; volumes also the place of `image`: NIfTI both
    places of a NIfTI image, MetaImage and NRRD the one at which programs built on ITK show it. .dcm is a DICOM-SEG that
    refers to the DICOM files that `image` was read from.
    """
    path = Path(path)
    suffix = _known_suffix(path, LABEL_SUFFIXES)
    values = checked_labels(labels, image, classes)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix == ".dcm":
            from zoo.common.io.dicom_seg import write_segmentation

            write_segmentation(path, values, image, classes)
        else:
            _WRITERS.get(suffix, _write_volume)(path, values, image)
    return path


def write_map(path: str | Path, values: np.ndarray, image: Image) -> Path:
    """Write numbers per pixel, such as probabilities, as float32; return where.

    values: (h, w) or (d, h, w) on the grid of `image`, or several of them along a first axis, which becomes the last
    axis of the file.
    """
    path = Path(path)
    suffix = _known_suffix(path, MAP_SUFFIXES)
    if values.shape[-len(image.size) :] != image.size or values.ndim - len(image.size) not in (0, 1):
        raise InputError(f"{path.name}: map of {values.shape} given; expected {image.size} or (k, *{image.size})")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _WRITERS.get(suffix, _write_volume)(path, np.asarray(values, np.float32), image)
    return path


def _known_suffix(path: Path, known: tuple[str, ...]) -> str:
    suffix = file_suffix(path)
    if suffix not in known:
        raise ConfigError(f"{path}: suffix {suffix!r} given; expected one of {', '.join(known)}")
    return suffix


def checked_labels(labels: np.ndarray, image: Image, classes: Sequence[str]) -> np.ndarray:
    """Return the labels in the smallest type that holds every class."""
    if labels.shape != image.size:
        raise InputError(f"{image.name}: labels of {labels.shape} given; expected the image's {image.size}")
    if labels.dtype.kind not in "bui":
        raise InputError(f"{image.name}: labels of {labels.dtype} given; expected integers")
    if not 1 <= len(classes) <= 2**16:
        raise InputError(f"{image.name}: {len(classes)} classes given; expected 1 to {2**16}, the background first")
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    if low < 0 or high >= len(classes):
        raise InputError(f"{image.name}: labels {low} to {high} given; expected 0 to {len(classes) - 1}, as {classes}")
    return labels.astype(np.uint8 if len(classes) <= 2**8 else np.uint16)


def _write_png(path: Path, values: np.ndarray, image: Image) -> None:
    """Write up to 256 classes with a palette, so that viewers show them; the numbers are its indices."""
    from PIL import Image as Pillow

    _refuse_volume(path, values)
    picture = Pillow.fromarray(values)
    if values.dtype == np.uint8:
        picture.putpalette(palette())
    picture.save(path, bits=8)


def _write_tiff(path: Path, values: np.ndarray, image: Image) -> None:
    """Write the numbers as greys, for programs that turn a palette into colours."""
    import tifffile

    _refuse_volume(path, values)
    tifffile.imwrite(path, values, photometric="minisblack", metadata=None)


def _refuse_volume(path: Path, values: np.ndarray) -> None:
    if values.ndim != 2:
        raise ConfigError(f"{path}: volume {values.shape} given; expected a picture, or one of {', '.join(VOLUMES)}")


def _write_array(path: Path, values: np.ndarray, image: Image) -> None:
    np.save(path, values, allow_pickle=False)


def _write_volume(path: Path, values: np.ndarray, image: Image) -> None:
    flat = len(image.size) == 2
    is_nifti = path.name.lower().endswith((".nii", ".nii.gz"))
    stays_flat = is_nifti and image.nifti is not None and image.nifti.is_flat
    if flat and image.affine is not None and not stays_flat:  # one slice with a place in the world
        values = values[..., None, :, :]
    if is_nifti:
        return write_nifti(path, values, image)
    import SimpleITK

    axes = 2 if flat and image.affine is None else 3
    volume = SimpleITK.GetImageFromArray(values, isVector=False)  # maps along a fourth axis, as NIfTI stacks them
    spacing, origin, direction = np.ones(values.ndim), np.zeros(values.ndim), np.eye(values.ndim)
    place = itk_affine(image)
    if place is not None:
        affine = FLIP_XY @ place
        spacing[:3] = np.linalg.norm(affine[:3, :3], axis=0)
        direction[:3, :3] = affine[:3, :3] / spacing[:3]
        origin[:3] = affine[:3, 3]
    elif image.spacing_mm is not None:
        spacing[:axes] = image.spacing_mm[::-1]
    if place is None and image.plane is not None:
        direction[:2, :2] = image.plane[:2, :2] / np.linalg.norm(image.plane[:2, :2], axis=0)
        origin[:2] = image.plane[:2, 2]
    volume.SetSpacing(spacing.tolist())
    volume.SetOrigin(origin.tolist())
    volume.SetDirection(direction.ravel().tolist())
    try:
        SimpleITK.WriteImage(volume, str(path), useCompression=file_suffix(path) in COMPRESSED)
    except RuntimeError as error:  # all that ITK says
        raise OSError(errno.EIO, " ".join(str(error).split())[-120:]) from error


_WRITERS: dict[str, Callable[[Path, np.ndarray, Image], None]] = {
    ".png": _write_png,
    ".tif": _write_tiff,
    ".npy": _write_array,
}
