"""TIFF files as tifffile reads them: every width and kind of numbers, or an InputError that says what the file is."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.images import check_size
from zoo.common.io.tiff_lzw import LZW, decode_lzw

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8  # kinds of pixels (photometric)
SAMPLES = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, YCBCR: 3}  # besides alpha
ALPHA = (1, 2)  # kinds of extra samples
JPEG = (6, 7, 33007, 34892)  # compressions that tifffile turns from YCbCr to RGB
REDUCED = 1  # bit of a page that shows another one smaller
ORIENTATION = 274
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {  # tag to how stored pixels come upright
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}
SILENT = logging.NullHandler()  # what is damaged is said once, by the error


def is_tiff(path: Path) -> bool:
    """Look for the mark of TIFF or BigTIFF."""
    with path.open("rb") as file:
        return file.read(4) in MARKS


def read_shown(path: Path) -> np.ndarray | None:
    """Read what a viewer shows, (h, w) or (h, w, 3), with all bits; None where Pillow reads it better."""
    with _page(path) as page:
        values = _samples(page, path.name)
        if values is None:
            return None
        if page.photometric == PALETTE:
            return _coloured(page, values, path.name)
        values = _colours(page, values, path.name)[0]
        bits = page.bitspersample
        if page.photometric == WHITE_IS_ZERO:
            if values.dtype.kind not in "bu":
                raise InputError(f"{path.name}: white is 0, in {values.dtype}; expected whole numbers without a sign")
            values = ~values if values.dtype.kind == "b" else (2**bits - 1) - values
        return values * np.uint8(255 // (2**bits - 1)) if bits < 8 else values


def read_numbers(path: Path) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Read numbers of classes as stored, and alpha, 1 where opaque; None where Pillow reads them better."""
    with _page(path) as page:
        values = _samples(page, path.name)
        if values is None:
            return None
        values, alpha = _colours(page, values, path.name)
        if page.photometric == WHITE_IS_ZERO and page.bitspersample > 1:
            raise InputError(
                f"{path.name}: white is stored as 0 (as by ImageJ with an inverting table), which programs read as "
                "numbers or the other way round; expected black as 0. Save it with a plain grey table."
            )
        if page.bitspersample > 1:
            return values, alpha
        return (values != (page.photometric == WHITE_IS_ZERO)) * np.uint8(255), alpha


def turned(values: np.ndarray, orientation: object) -> np.ndarray:
    """Turn (h, w, ...) upright, by the tag of TIFF and EXIF."""
    turn = TURNS.get(orientation) if isinstance(orientation, int) else None
    return values if turn is None else turn(values)


@contextmanager
def _page(path: Path) -> Iterator[TiffPage]:
    """Open the only page of full size."""
    from tifffile import TiffFile

    logging.getLogger("tifffile").addHandler(SILENT)
    with TiffFile(path) as file:
        if not len(file.pages):
            raise InputError(f"{path.name}: no picture in it; expected a whole TIFF. Copy or export it again.")
        page = file.pages.first
        _refuse_several(file, path.name)
        check_size(page.shape, path.name)
        yield page


def _refuse_several(file: TiffFile, name: str) -> None:
    count = len(file.pages)
    if count == 1 and file.is_imagej:  # which keeps thousands of pages behind the description of one
        count = int((file.imagej_metadata or {}).get("images", 1))
    elif all(int(page.subfiletype) & REDUCED for page in file.pages[1:]):
        return
    if count > 1:
        kind = "an OME-TIFF" if file.is_ome else "one of ImageJ" if file.is_imagej else "a TIFF"
        raise InputError(
            f"{name}: {count} pages given, in {kind}; expected one picture per file. Save pages, slices and channels "
            "apart, colours as RGB, or a volume as NIfTI."
        )


def _samples(page: TiffPage, name: str) -> np.ndarray | None:
    """Decode (h, w) or (h, w, samples), upright; None where Pillow has to: colours it converts, faxes."""
    photometric, compression = page.photometric, page.compression
    is_convertible = photometric == YCBCR and compression in JPEG
    if photometric not in SAMPLES or (photometric == YCBCR and not is_convertible):
        if page.bitspersample == 8 and photometric in (CMYK, YCBCR, LAB):
            return None
        raise InputError(
            f"{name}: pixels of kind {_named(photometric)} with {page.bitspersample} bits given; expected grey or RGB"
        )
    if page.dtype is None or page.dtype.kind not in "buif" or page.axes not in ("YX", "YXS", "SYX"):
        raise InputError(
            f"{name}: axes {page.axes} of {page.dtype or f'{page.bitspersample} bits'} given; expected one picture of "
            "integers or floats"
        )
    _refuse_missing(page, name)
    try:
        values = decode_lzw(page) if compression == LZW else page.asarray(maxworkers=1)
    except (ValueError, NotImplementedError) as error:
        if page.bitspersample == 1 and "imagecodecs" in str(error):
            return None
        if "imagecodecs" in str(error):
            raise InputError(
                f"{name}: compressed as {_named(compression)}, for which there is no decoder; expected another "
                "compression. Save it with LZW or deflate, or run: pip install imagecodecs"
            ) from error
        raise
    values = np.moveaxis(values, 0, -1) if page.axes == "SYX" else values
    orientation = page.tags.get(ORIENTATION)
    return turned(values, orientation.value if orientation is not None else 1)


def _refuse_missing(page: TiffPage, name: str) -> None:
    """Refuse strips and tiles that are not there, which decoders fill with zeros, and too few bytes of plain ones."""
    size = page.parent.filehandle.size
    pieces = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    lost = sum(offset <= 0 or count <= 0 or offset + count > size for offset, count in pieces)
    if lost or not pieces:
        raise InputError(
            f"{name}: {lost} of {len(pieces)} strips or tiles are cut short or missing; expected a whole file. Copy it "
            "again."
        )
    there = sum(page.databytecounts)
    if page.compression == 1 and there < math.prod(page.shape) * page.bitspersample // 8:
        raise InputError(f"{name}: {there:,} bytes for {page.shape} pixels; expected a whole file. Copy it again.")


def _colours(page: TiffPage, values: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Part samples into (h, w) or (h, w, 3), and alpha (h, w), 1 where opaque."""
    colours = SAMPLES[page.photometric]
    given = 1 if values.ndim == 2 else values.shape[-1]
    extra = given - colours
    is_alpha = [int(kind) in ALPHA for kind in page.extrasamples] == [True]
    if extra < 0 or extra > 1 or (extra == 1 and not is_alpha and colours == 1):
        raise InputError(
            f"{name}: {given} samples per pixel of kind {_named(page.photometric)} given, the extra ones "
            f"{[_named(kind) for kind in page.extrasamples] or 'without a kind'}; expected grey or RGB, and alpha"
        )
    if values.ndim == 2:
        return values, None
    alpha = None
    if is_alpha and values.dtype.kind == "u":
        alpha = values[..., -1] / (2**page.bitspersample - 1)
    elif is_alpha:
        alpha = values[..., -1].astype(np.float64)
    return values[..., 0] if colours == 1 else values[..., :3], alpha


def _coloured(page: TiffPage, values: np.ndarray, name: str) -> np.ndarray:
    """Look numbers up in the palette, (h, w, 3) of 8 bits."""
    numbers = _colours(page, values, name)[0]
    table = np.asarray(page.colormap)
    if table.ndim != 2 or table.shape[0] != 3 or table.shape[1] <= int(numbers.max()):
        raise InputError(f"{name}: a palette of {table.shape} for numbers up to {numbers.max()}; expected one for all")
    table = table if table.max() < 256 else table >> 8  # some programs fill only the lower of the 16 bits
    return table.astype(np.uint8).T[numbers]


def _named(kind: object) -> str:
    """Return the name that tifffile gives a number."""
    return str(getattr(kind, "name", kind))
