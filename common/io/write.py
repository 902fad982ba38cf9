"""Writes masks and maps of predictions in the grid, the place and the format of the image they belong to."""

from __future__ import annotations

import errno
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from zoo.common.errors import ConfigError, InputError
from zoo.common.io import file_suffix
from zoo.common.outputs import explained
from zoo.common.types import Image

VOLUMES = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd")
COMPRESSED = (".nii.gz", ".mha", ".nrrd")
LABEL_SUFFIXES = (*VOLUMES, ".png", ".npy", ".dcm")
MAP_SUFFIXES = (*VOLUMES, ".npy")
FLIP_XY = np.diag([-1.0, -1.0, 1.0, 1.0])  # ITK counts to the left and back, `Image.affine` to the right and front


def write_labels(path: str | Path, labels: np.ndarray, image: Image, classes: Sequence[str]) -> Path:
    """Write a mask of class numbers; return where.

    labels: (h, w) or (d, h, w) integers on the grid of `image`. classes: classes[0] is the background.
    .png and .npy hold the numbers alone; volumes also the place of `image`; .dcm is a DICOM-SEG that refers to the
    DICOM files that `image` was read from.
    """
    path = Path(path)
    suffix = _known_suffix(path, LABEL_SUFFIXES)
    values = _checked_labels(labels, image, classes)
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


def _checked_labels(labels: np.ndarray, image: Image, classes: Sequence[str]) -> np.ndarray:
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
    from PIL import Image as Pillow

    if values.ndim != 2:
        raise ConfigError(f"{path}: volume {values.shape} given; expected a picture, or one of {', '.join(VOLUMES)}")
    Pillow.fromarray(values).save(path)


def _write_array(path: Path, values: np.ndarray, image: Image) -> None:
    np.save(path, values, allow_pickle=False)


def _write_volume(path: Path, values: np.ndarray, image: Image) -> None:
    import SimpleITK

    flat = len(image.size) == 2
    if flat and image.affine is not None:  # one slice with a place in the world
        values = values[..., None, :, :]
    axes = 2 if flat and image.affine is None else 3
    volume = SimpleITK.GetImageFromArray(values, isVector=False)  # maps along a fourth axis, as NIfTI stacks them
    spacing, origin, direction = np.ones(values.ndim), np.zeros(values.ndim), np.eye(values.ndim)
    if image.affine is not None:
        affine = FLIP_XY @ image.affine
        spacing[:3] = np.linalg.norm(affine[:3, :3], axis=0)
        direction[:3, :3] = affine[:3, :3] / spacing[:3]
        origin[:3] = affine[:3, 3]
    elif image.spacing_mm is not None:
        spacing[:axes] = image.spacing_mm[::-1]
    volume.SetSpacing(spacing.tolist())
    volume.SetOrigin(origin.tolist())
    volume.SetDirection(direction.ravel().tolist())
    try:
        SimpleITK.WriteImage(volume, str(path), useCompression=file_suffix(path) in COMPRESSED)
    except RuntimeError as error:  # all that ITK says
        raise OSError(errno.EIO, " ".join(str(error).split())[-120:]) from error
    _refuse_torn(path, values.nbytes)


def _refuse_torn(path: Path, needed: int) -> None:
    """Notice a NIfTI file that holds less than it should: its writer says nothing when the disk is full."""
    if file_suffix(path) not in (".nii", ".nii.gz"):
        return
    held = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while block := file.read(1 << 20):
                held += len(block)
    except EOFError:  # cut within the compressed stream
        held = min(held, needed)
    if held <= needed:  # a header comes on top
        raise OSError(errno.ENOSPC, f"only {held:,} of {needed:,} bytes of the mask arrived; the disk may be full")


_WRITERS: dict[str, Callable[[Path, np.ndarray, Image], None]] = {".png": _write_png, ".npy": _write_array}
