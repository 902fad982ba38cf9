"""Label masks on disk as class numbers on the grid of their image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from zoo.common.errors import DataError, InputError
from zoo.common.io import file_suffix, read_image
from zoo.common.io.pictures import SUFFIXES as PICTURES
from zoo.common.types import Image, Sample

WHITE = 255
HALF = 128  # from here on a grey counts as white; JPEG and resizing leave fringes
Decode = Callable[[np.ndarray], np.ndarray]


def read_masked(path: Path, mask: Path, group: str, decode: Decode | None = None) -> Sample:
    """Read an image and its mask, see read_mask()."""
    image = read_image(path)
    return Sample(image, {"mask": read_mask(mask, image, decode)}, group=group)


def read_mask(path: Path, image: Image, decode: Decode | None = None) -> np.ndarray:
    """Read a mask, check that it lies on the image's grid, and return its class numbers.

    decode: turns stored values into class numbers; class_numbers() if left out.
    Returns (h, w) or (d, h, w) int16, or int32 where numbers are larger.
    """
    stored, affine = _read(path)
    if stored.shape != image.size:
        raise DataError(f"{path}: {stored.shape} given; its image {image.name} is {image.size}. Resample one of them.")
    if affine is not None and image.affine is not None:
        apart = _distance(affine, image.affine, stored.shape)
        if apart > 0.5:
            raise DataError(
                f"{path}: lies up to {apart:.1f} voxels away from its image {image.name}; expected one grid. "
                "Resample the mask to the image."
            )
    try:
        numbers = (decode or class_numbers)(stored)
    except InputError as error:
        raise DataError(f"{path}: {error}") from error
    return numbers.astype(np.int16 if numbers.max(initial=0) < 2**15 else np.int32)


def class_numbers(stored: np.ndarray) -> np.ndarray:
    """Take stored values as class numbers; 0 and 255 alone mean background and foreground."""
    values = np.unique(stored)
    if (values < 0).any() or (values != np.round(values)).any():
        raise InputError(f"values from {values[0]:g} to {values[-1]:g} given; expected whole class numbers from 0")
    return stored == WHITE if set(values.tolist()) <= {0, WHITE} else stored


def bright(stored: np.ndarray) -> np.ndarray:
    """Take everything from the middle grey on as foreground; for white masks with grey fringes."""
    return stored >= HALF


def anything(stored: np.ndarray) -> np.ndarray:
    """Take every value but 0 as foreground; for maps of instances."""
    return stored > 0


def mapped(table: Mapping[int, int]) -> Decode:
    """Return a decoder that looks stored values up; what is not in the table is background."""

    return partial(_look_up, dict(table))


def _look_up(table: Mapping[int, int], stored: np.ndarray) -> np.ndarray:
    numbers = np.zeros(stored.shape, np.int16)
    for value, number in table.items():
        numbers[stored == value] = number
    return numbers


def _read(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the stored values of the only channel, and the affine of a volume."""
    if file_suffix(path) in PICTURES:
        return _one_channel(_picture(path), path), None
    try:
        image = read_image(path)
    except InputError as error:
        raise DataError(str(error)) from error
    return _one_channel(np.moveaxis(image.array, 0, -1), path), image.affine


def _picture(path: Path) -> np.ndarray:
    try:
        with Picture.open(path) as file:
            # a palette is only how the numbers are shown
            return np.asarray(file if file.mode in ("P", "L", "I", "I;16", "F", "RGB") else file.convert("L"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read as a mask ({error}); is the data set complete?") from error


def _one_channel(values: np.ndarray, path: Path) -> np.ndarray:
    if values.ndim == 2 or values.shape[-1] > 4:
        return values
    if (values != values[..., :1]).any():
        raise DataError(f"{path}: a coloured mask given; expected one channel of class numbers, or black and white")
    return values[..., 0]


def _distance(mask: np.ndarray, image: np.ndarray, size: tuple[int, ...]) -> float:
    """Return by how many voxels, at most, the corners of two grids of one size lie apart; affines (4, 4)."""
    d, h, w = (1,) * (3 - len(size)) + size
    corners = np.array([[x, y, z, 1] for x in (0, w - 1) for y in (0, h - 1) for z in (0, d - 1)], float).T
    return float(np.abs(np.linalg.solve(image, mask @ corners) - corners).max())
