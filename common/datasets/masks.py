"""Label masks on disk as class numbers on the grid of their image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage

from zoo.common.datasets.grids import MAY_BE_APART, voxels_apart
from zoo.common.errors import DataError, InputError
from zoo.common.io import read_image
from zoo.common.io.numbers import read_numbers
from zoo.common.types import Image, Sample

WHITES = (255, 65535)  # of 8 and 16 bits
BLACK_AND_WHITE = 2  # classes
FLOAT_NOISE = 1e-3  # by which a float may miss a class number
QUANTISED = (
    0.05  # by which it may where floats were saved as scaled integers: half a step for up to 25 classes in 8 bits
)
JPEG_MARK = b"\xff\xd8\xff"  # how the file begins
LARGEST = 2**63 - 1
LEAST_AREA_PX = 20  # smaller white specks are leftovers of JPEG and resizing (our choice)
HALF = 128  # from here on a grey counts as white; JPEG and resizing leave fringes
Decode = Callable[[np.ndarray], np.ndarray]


def read_masked(path: Path, mask: Path, group: str, decode: Decode | None = None) -> Sample:
    """Read an image and its mask, see read_mask()."""
    image = read_image(path)
    return Sample(image, {"mask": read_mask(mask, image, decode)}, group, {"mask": mask})


def read_mask(path: Path, image: Image, decode: Decode | None = None) -> np.ndarray:
    """Read a mask, check that it lies on the image's grid, and return its class numbers.

    decode: turns stored values into class numbers; class_numbers() if left out.
    Returns (h, w) or (d, h, w) int16, or int32 or int64 where numbers are larger.
    """
    try:
        numbers = read_numbers(path)
        stored = _on_grid(numbers.values, image)
        _refuse_transparency(numbers.alpha, stored)
        _refuse_elsewhere(numbers.image, image)
        _refuse_merged(stored)
        if decode is not bright:
            _refuse_lossy(path, stored)
        classes = (decode or class_numbers)(_snapped(stored))
        largest = int(classes.max(initial=0))
        if largest > LARGEST:
            raise InputError(f"numbers up to {largest} given; expected at most {LARGEST}")
    except InputError as error:
        message = str(error)
        raise DataError(message if message.startswith(str(path)) else f"{path}: {message}") from error
    return classes.astype(next(kind for kind in (np.int16, np.int32, np.int64) if largest <= np.iinfo(kind).max))


def class_numbers(stored: np.ndarray) -> np.ndarray:
    """Take stored values as class numbers; 0 and 255, or 0 and 65535, alone mean background and foreground."""
    numbers = whole_numbers(stored)
    largest = numbers.max(initial=0)
    is_black_and_white = largest in WHITES and ((numbers == 0) | (numbers == largest)).all()
    return numbers > 0 if is_black_and_white else numbers


def decoder_of(classes: int | None) -> Decode:
    """Return how masks of so many named classes are read; of three or more there is no black and white."""
    return whole_numbers if classes is not None and classes > BLACK_AND_WHITE else class_numbers


def is_black_and_white(path: Path) -> bool:
    """Tell whether a mask's file holds 255, and beside it nothing but 0."""
    stored = _snapped(read_numbers(path).values)
    return bool((stored == WHITES[0]).any() and ((stored == 0) | (stored == WHITES[0])).all())


def whole_numbers(stored: np.ndarray) -> np.ndarray:
    """Take stored values as class numbers, 255 among them."""
    numbers = _snapped(stored)
    if numbers.dtype.kind == "f":
        worst = numbers.flat[int(np.argmax(np.abs(numbers - np.round(numbers))))]
        raise InputError(
            f"values from {numbers.min():g} to {numbers.max():g}, such as {worst:.6g}, given; expected whole class "
            f"numbers within {FLOAT_NOISE:g}. Resample a mask by the nearest neighbour, and save it as integers."
        )
    lowest, largest = numbers.min(initial=0), numbers.max(initial=0)
    if lowest < 0:
        raise InputError(f"values from {lowest} to {largest} given; expected class numbers from 0")
    return numbers


def bright(stored: np.ndarray) -> np.ndarray:
    """Take everything from the middle grey on as foreground; for white masks with grey fringes."""
    is_deep = stored.max(initial=0) > WHITES[1] // 2  # white is 65535
    return stored >= HALF * (257 if is_deep else 1)


def anything(stored: np.ndarray) -> np.ndarray:
    """Take every value but 0 as foreground; for maps of instances."""
    return stored > 0


def parts_of(mask: np.ndarray) -> np.ndarray:
    """Number the parts of a mask that hang together, edge to edge, from 1 without gaps; specks are left out."""
    parts, count = ndimage.label(mask)
    kept = np.flatnonzero(np.bincount(parts.ravel(), minlength=count + 1)[1:] >= LEAST_AREA_PX) + 1
    numbers = np.zeros(count + 1, np.int16 if len(kept) <= np.iinfo(np.int16).max else np.int32)
    numbers[kept] = np.arange(1, len(kept) + 1)
    return numbers[parts]


def mapped(table: Mapping[int, int]) -> Decode:
    """Return a decoder that looks stored values up; what is not in the table is background."""

    return partial(_look_up, dict(table))


def _look_up(table: Mapping[int, int], stored: np.ndarray) -> np.ndarray:
    numbers = np.zeros(stored.shape, np.int16)
    for value, number in table.items():
        numbers[stored == value] = number
    return numbers


def _on_grid(values: np.ndarray, image: Image) -> np.ndarray:
    """Return the only channel; refuse other sizes than the image's, and colours."""
    for squeezed in (values, *(values.take(0, axis) for axis in (0, -1) if values.shape[axis] == 1)):
        if squeezed.shape == image.size:
            return squeezed
    if values.shape[:-1] != image.size:
        raise InputError(f"{values.shape} given; its image {image.name} is {image.size}. Resample one of them.")
    if (values != values[..., :1]).any():
        raise InputError("a coloured mask given; expected one channel of class numbers, or black and white")
    return values[..., 0]


def _refuse_transparency(alpha: np.ndarray | None, stored: np.ndarray) -> None:
    """Refuse transparency, unless it says where anything is drawn in the colours, too."""
    if alpha is None or (alpha == 1).all() or np.array_equal(alpha, stored > 0):
        return
    raise InputError(
        f"a mask with transparency given, {np.mean(alpha < 1):.0%} of it not opaque; expected class numbers in one "
        "channel, as it may be drawn in the colours or in the transparency. Save it as grey."
    )


def _refuse_elsewhere(mask: Image | None, image: Image) -> None:
    """Refuse another place than the image's."""
    apart = voxels_apart(mask, image) if mask is not None else 0.0
    if apart > MAY_BE_APART:
        raise InputError(
            f"lies up to {apart:.1f} voxels away from its image {image.name}; expected one grid. "
            "Resample the mask to the image."
        )


def _refuse_merged(stored: np.ndarray) -> None:
    """Refuse what is no number, and numbers so large that the file's own type may have merged them."""
    if stored.dtype.kind not in "buif":
        raise InputError(f"numbers of {stored.dtype} given; expected integers, floats or booleans")
    if stored.dtype.kind != "f":
        return
    largest, limit = float(np.abs(stored).max(initial=0)), 2 ** (np.finfo(stored.dtype).nmant + 1)
    if not largest < limit:  # NaN as well
        raise InputError(
            f"numbers up to {largest:.0f} in {stored.dtype} given, which tells numbers apart below {limit:,} only; "
            "expected finite ones below. Save it with an integer type."
        )


def _refuse_lossy(path: Path, stored: np.ndarray) -> None:
    """Refuse a JPEG of numbers, which are others beside every border; black and white without a grey is told apart."""
    is_jpeg = False
    if path.is_file():  # and no folder of a DICOM series
        with path.open("rb") as file:
            is_jpeg = file.read(len(JPEG_MARK)) == JPEG_MARK
    if is_jpeg and not ((stored == 0) | (stored == WHITES[0])).all():
        raise InputError(
            f"a JPEG with values from {stored.min()} to {stored.max()} given, which changes numbers beside borders; "
            "expected a format that keeps them. Write the mask as PNG, TIFF or NIfTI, from what it was made of"
        )


def _snapped(stored: np.ndarray) -> np.ndarray:
    """Return floats as the whole numbers that they mean, or as they are where they mean none.

    They may miss them by FLOAT_NOISE; by QUANTISED where each number has one value only, as programs leave them that
    save floats as scaled integers.
    """
    if stored.dtype.kind != "f":
        return stored
    whole = np.round(stored)
    off = float(np.abs(stored - whole).max(initial=0))
    near = off <= FLOAT_NOISE or (off <= QUANTISED and len(np.unique(stored)) == len(np.unique(whole)))
    if not near:  # NaN as well
        return stored
    return whole.astype(np.int64)
