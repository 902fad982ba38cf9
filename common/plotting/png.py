"""PNG as fast as it goes: one filter for all rows and the quickest compression, a tenth larger, much sooner written."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from zoo.common.io.voxels import fast_zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
UP = 2  # PNG's name of the filter that leaves of each row its difference to the row above
LEVEL = 1  # of 3: the others take longer and save less than 3 %
IN_PER_M = 39.3701


def png_bytes(pixels: np.ndarray, dpi: int) -> bytes:
    """Return pixels (h, w, 3) of uint8 as the content of a PNG file."""
    h, w, channels = pixels.shape
    flat = pixels.reshape(h, w * channels)
    rows = np.empty((h, 1 + w * channels), np.uint8)
    rows[:, 0] = UP
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    packed = fast_zlib.compress(rows, LEVEL)
    per_m = round(dpi * IN_PER_M)
    return b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)),  # 8 bits, colours, no interlace
            _chunk(b"pHYs", struct.pack(">IIB", per_m, per_m, 1)),
            _chunk(b"IDAT", packed),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
