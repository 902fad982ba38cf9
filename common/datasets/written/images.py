"""Writes the image of a sample as a file that other programs open, copied as it is where it is one file already."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from zoo.common.errors import DataError
from zoo.common.io import SUFFIXES, file_suffix, read_image
from zoo.common.io.nifti_write import write_nifti
from zoo.common.types import Image

PICTURE, VOLUME = ".png", ".nii.gz"
COPIED = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".nii", ".nii.gz", ".nrrd", ".mha")  # whole in one file


def is_picture(image: Image) -> bool:
    """Say whether the image is a flat one of 8 bits, grey or coloured."""
    values = image.array
    flat = values.ndim == 3 and values.shape[0] in (1, 3)
    return bool(
        flat and values.min(initial=0) >= 0 and values.max(initial=0) <= 255 and (values == np.round(values)).all()
    )


def copy_or_write(image: Image, stem: Path) -> Path:
    """Copy the file that the image was read from, or write its numbers: .png where that holds them, else .nii.gz."""
    first = image.files[0] if len(image.files) == 1 else None
    if first is not None and file_suffix(first) in COPIED and file_suffix(first) in SUFFIXES:
        same = read_image(first)
        if same.array.shape == image.array.shape and np.array_equal(same.array, image.array):
            return Path(shutil.copyfile(first, stem.with_name(stem.name + file_suffix(first).lower())))
    if is_picture(image):
        return write_picture(image, stem.with_name(stem.name + PICTURE))
    path = stem.with_name(stem.name + VOLUME)
    channels = deep(image).array[:, None]  # numbers of one voxel lie along the fifth axis, points in time on the fourth
    write_nifti(path, plain(image.array[0] if len(image.array) == 1 else channels), image)
    return path


def write_picture(image: Image, path: Path) -> Path:
    """Write a flat image of 8 bits; DataError for any other."""
    from PIL import Image as Pillow

    if not is_picture(image):
        raise DataError(f"{image.name}: no picture of 8 bits as the others are; expected all cases of one kind")
    values = np.moveaxis(image.array, 0, -1).astype(np.uint8)
    Pillow.fromarray(values[..., 0] if values.shape[-1] == 1 else values).save(path)
    return path


def plain(values: np.ndarray) -> np.ndarray:
    """Return whole numbers as int16 or int32 where these hold them, so that files stay small; others as float32."""
    if not np.isfinite(values).all() or (values != np.round(values)).any():
        return values.astype(np.float32)
    largest = float(np.abs(values).max(initial=0))
    return values.astype(np.int16 if largest < 2**15 else np.int32 if largest < 2**24 else np.float32)


def deep(image: Image) -> Image:
    """Return a flat image as a volume of one slice."""
    if image.array.ndim == 4:
        return image
    spacing = None if image.spacing_mm is None else (1.0, *image.spacing_mm)
    return replace(image, array=image.array[:, None], spacing_mm=spacing)
