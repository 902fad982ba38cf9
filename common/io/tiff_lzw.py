"""TIFF pages compressed by LZW, decompressed by libtiff: imagecodecs 2026.1 ends the process on damaged ones."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.quiet import quiet

if TYPE_CHECKING:
    from tifffile import TiffPage

LZW = 5
LONG = 4  # TIFF's code for numbers of 4 bytes
WIDTH, LENGTH, BITS, COMPRESSION, KIND, FILL_ORDER, OFFSET, ROWS, COUNT = 256, 257, 258, 259, 262, 266, 273, 278, 279


def decode_lzw(page: TiffPage) -> np.ndarray:
    """Decode a page as its asarray() would."""
    file, reverses_bits = page.parent.filehandle, int(page.fillorder) == 2
    page.compression, page.fillorder = 1, 1  # what its segments have once they are decompressed
    pixels = np.zeros(page.shaped, page.dtype)
    depth, length, width = page.shaped[1:4]
    for index, (offset, count) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        file.seek(offset)
        content = _decompressed(file.read(count), _segment_size(page, index), reverses_bits)
        segment, (sample, z, y, x, _), (planes, rows, columns, _) = page.decode(content, index)
        pixels[sample, z : z + planes, y : y + rows, x : x + columns] = segment[: depth - z, : length - y, : width - x]
    return pixels.reshape(page.shape)


def _segment_size(page: TiffPage, index: int) -> int:
    """Return how many bytes a strip or a tile has."""
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    rows, columns = page.tilelength, page.tilewidth
    if not page.is_tiled:
        whole = min(page.rowsperstrip, page.imagelength)
        strips = -(-page.imagelength // whole)
        rows, columns = min(whole, page.imagelength - index % strips * whole), page.imagewidth
    return rows * -(-columns * samples * page.bitspersample // 8)


def _decompressed(content: bytes, size: int, reverses_bits: bool) -> bytes:
    """Let libtiff read the bytes as the only row of a picture of 8 bits."""
    from PIL import Image as Pillow

    start = 8
    fields = {
        WIDTH: size, LENGTH: 1, BITS: 8, COMPRESSION: LZW, KIND: 1, FILL_ORDER: 2 if reverses_bits else 1,
        OFFSET: start, ROWS: 1, COUNT: len(content),
    }  # fmt: skip
    table = b"".join(struct.pack("<HHII", tag, LONG, 1, value) for tag, value in fields.items())
    directory = struct.pack("<H", len(fields)) + table + bytes(4)
    padding = bytes(len(content) % 2)
    head = b"II*\0" + struct.pack("<I", start + len(content) + len(padding))
    file = io.BytesIO(head + content + padding + directory)
    # the size of the page was checked
    with quiet(Pillow.DecompressionBombWarning), Pillow.open(file, formats=("TIFF",)) as picture:
        return picture.tobytes()
