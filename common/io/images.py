"""Arrays as images: which axes mean what, and what every image has to be before a model sees it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from zoo.common.errors import InputError
from zoo.common.types import Image

MAX_VALUES = 3 * 2**27  # 1.5 GiB as float32, a large colour field; larger claims are refused undecoded
COLOURS = (3, 4)  # RGB, RGBA
MOST_CHANNELS = 16  # of a user's image; more are slices whose channel axis was forgotten
AXES = "(h, w), (h, w, 1|3|4) or (c, h, w) with c up to 4"


def as_image(array: object, spacing_mm: tuple[float, ...] | None = None, name: str = "array") -> Image:
    """Copy an array of raw intensities into an image (c, h, w) float32.

    array: (h, w) grey; (h, w, 1); (h, w, 3) RGB; (h, w, 4) RGBA of integers, whose alpha is dropped; (c, h, w), c <= 4.
    Where the axes could be read in two ways, InputError; pass `Image(array)` to say (c, h, w) or (c, d, h, w).
    """
    values = _numeric(array, name)
    return checked_image(Image(_channels_first(values, name), spacing_mm=spacing_mm, name=name))


def checked_image(image: Image, is_ours: bool = False) -> Image:
    """Refuse what no model can use; return the image with a contiguous float32 array of its own.

    is_ours: nobody else holds the array, which then need not be copied where it is float32 already.
    """
    name = image.name
    values = _numeric(image.array, name)
    check_size(values.shape, name)
    if values.ndim not in (3, 4):
        raise InputError(f"{name}: axes {values.shape} given; expected (c, h, w) or (c, d, h, w)")
    if not is_ours and len(values) > MOST_CHANNELS:
        raise InputError(
            f"{name}: {len(values)} channels given in {values.shape}; expected (c, h, w) or (c, d, h, w) with "
            f"at most {MOST_CHANNELS}. For a volume of one channel pass zoo.Image(array[None])."
        )
    if not is_ours:
        _refuse_fractions(values, name)
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, which is refused below
        array = np.require(values, np.float32, ["C", "W"]) if is_ours else np.array(values, dtype=np.float32, order="C")
    if values.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
        raise InputError(
            f"{name}: {array.size - int(finite.sum())} of {array.size} values are NaN or infinite; expected finite "
            "intensities. Replace them first, for example with np.nan_to_num."
        )
    spacing = _checked_spacing(image.spacing_mm, array.ndim - 1, name)
    return replace(image, array=array, spacing_mm=spacing, affine=_checked_affine(image.affine, name))


def check_size(shape: tuple[int, ...], name: str) -> None:
    """Refuse empty shapes and those beyond MAX_VALUES."""
    text = " x ".join(str(n) for n in shape)
    if not shape or min(shape) < 1:
        raise InputError(f"{name}: {text or 'a single number'} given; expected at least one pixel along each axis")
    if math.prod(shape) > MAX_VALUES:
        raise InputError(
            f"{name}: claims {text} = {math.prod(shape):,} values; expected at most {MAX_VALUES:,} "
            f"({MAX_VALUES / 2**28} GiB as float32). Cut or downsample it first."
        )


def _numeric(array: object, name: str) -> np.ndarray:
    if isinstance(array, np.ma.MaskedArray) and (hidden := int(np.sum(array.mask))):
        raise InputError(
            f"{name}: {hidden} of {array.size} values are masked; expected a value everywhere. Fill them first, for "
            "example with array.filled(0)."
        )
    try:
        values = np.asarray(array)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name}: {type(array).__name__} given ({error}); expected an array of numbers") from error
    if values.dtype.kind not in "buif":
        raise InputError(f"{name}: array of {values.dtype} given; expected integers, floats or booleans")
    return values


def _channels_first(values: np.ndarray, name: str) -> np.ndarray:
    check_size(values.shape, name)
    if values.ndim == 2:
        return values[None]
    if values.ndim != 3:
        raise InputError(
            f"{name}: {values.ndim} axes {values.shape} given; expected {AXES}. "
            "Pass several images as a list and a volume as zoo.Image(array) with (c, d, h, w)."
        )
    first, last = values.shape[0] <= 4, values.shape[2] in (1, *COLOURS)
    if first and last:
        raise InputError(
            f"{name}: {values.shape} can be read as (c, h, w) and as (h, w, c); expected one reading. "
            "Pass zoo.Image(array) with (c, h, w)."
        )
    if first:
        return values
    if not last:
        raise InputError(
            f"{name}: {values.shape} given; expected {AXES}. For a volume pass zoo.Image(array[None]), (c, d, h, w)."
        )
    return np.moveaxis(_colours(values, name), -1, 0)


def _colours(values: np.ndarray, name: str) -> np.ndarray:
    """Drop alpha from (h, w, c); refuse floats that cannot be raw intensities."""
    if values.dtype.kind != "f" or values.shape[-1] == 1:
        return values[..., :3]
    if values.shape[-1] == 4:
        raise InputError(f"{name}: (h, w, 4) of floats given; expected integers when the fourth channel is alpha")
    return values


def _refuse_fractions(values: np.ndarray, name: str) -> None:
    """Refuse colours (3, h, w) of floats that were divided by 255."""
    if values.ndim == 3 and len(values) == 3 and values.dtype.kind == "f" and 0 < float(values.max()) <= 1:
        raise InputError(f"{name}: colours within 0..1 given; expected them as in the file, 0..255. Multiply by 255.")


def _checked_spacing(spacing: tuple[float, ...] | None, axes: int, name: str) -> tuple[float, ...] | None:
    if spacing is None:
        return None
    values = tuple(float(s) for s in spacing)
    if len(values) != axes or not all(math.isfinite(s) and s > 0 for s in values):
        raise InputError(f"{name}: spacing_mm={spacing} given; expected {axes} positive numbers, one per axis")
    return values


def _checked_affine(affine: object, name: str) -> np.ndarray | None:
    if affine is None:
        return None
    try:
        matrix = np.asarray(affine, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: affine of {type(affine).__name__} given; expected a matrix (4, 4)") from error
    is_placing = matrix.shape == (4, 4) and np.isfinite(matrix).all() and (matrix[3] == (0, 0, 0, 1)).all()
    if not is_placing or np.linalg.det(matrix[:3, :3]) == 0:
        raise InputError(
            f"{name}: affine {matrix.round(3).tolist()} given; expected a matrix (4, 4) from voxel index (x, y, z) to "
            "world [mm], whose last row is 0, 0, 0, 1"
        )
    return matrix
