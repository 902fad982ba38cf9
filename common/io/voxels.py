"""The voxels behind a header: exactly as many as it promises, with every checksum right, or an InputError."""

from __future__ import annotations

import math
import zlib
from io import BufferedReader
from types import ModuleType
from typing import BinaryIO, Protocol

import numpy as np

from zoo.common.errors import InputError
from zoo.common.types import Image

fast_zlib: ModuleType = zlib
try:  # twice as fast; the same interface
    from isal import isal_zlib

    fast_zlib = isal_zlib
except ImportError:
    pass

BLOCK = 1 << 18  # compressed bytes read at once
STEP = 1 << 21  # bytes that are decompressed or copied at once
PADDING = 1 << 20  # zeros that may follow the voxels; anything else means that the header does not fit
GZIP_MARK = b"\x1f\x8b"
GZIP, ZLIB_OR_GZIP = 31, 47  # kinds of deflate streams, in zlib's numbers
MAX_SKEW_DEG = 0.5  # by which axes may miss the right angle: rounding in headers, not shear


class Source(Protocol):
    """What gives bytes in order, and b"" at the end only."""

    def read(self, size: int, /) -> bytes: ...


class Inflated:
    """A compressed stream that is decompressed while it is read; its end counts only with the right checksum."""

    def __init__(self, file: BinaryIO, name: str, kind: int = GZIP, library: ModuleType = fast_zlib) -> None:
        self.file, self.name, self.kind, self.library = file, name, kind, library
        self.stream = library.decompressobj(wbits=kind)
        self.rest = b""  # compressed bytes that were read and not used yet
        self.more_inside = False  # whether the stream may give bytes without being fed
        self.ended = False

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""
        while not self.ended:
            if self.stream.eof:
                self._next_member()
                continue
            block = self.rest or (b"" if self.more_inside else self.file.read(BLOCK))
            if not block and not self.more_inside:
                raise InputError(f"{self.name}: compressed voxels are cut short; expected a whole file. Copy it again.")
            try:
                content: bytes = self.stream.decompress(block, size)
            except (zlib.error, self.library.error) as error:
                raise InputError(f"{self.name}: damaged ({error}); expected a whole file. Copy it again.") from error
            self.rest, self.more_inside = self.stream.unconsumed_tail, len(content) == size
            if content:
                return content
        return b""

    def _next_member(self) -> None:
        """Go on with the gzip member that follows, if any; zeros may stand between and behind them."""
        self.rest = self.stream.unused_data.lstrip(b"\0") if self.kind == GZIP else b""
        while not self.rest and self.kind == GZIP and (block := self.file.read(BLOCK)):
            self.rest = block.lstrip(b"\0")
        self.ended, self.more_inside = not self.rest, False
        if self.rest:
            if not self.rest.startswith(GZIP_MARK[: len(self.rest)]):
                raise InputError(f"{self.name}: bytes that are no gzip follow the voxels; expected a whole file")
            self.stream = self.library.decompressobj(wbits=self.kind)


def opened(file: BinaryIO, name: str) -> Source:
    """Decompress a file if its content is gzip, whatever it is called."""
    is_gzip = file.read(2) == GZIP_MARK
    file.seek(0)
    return Inflated(file, name) if is_gzip else file


def read_bytes(source: Source, count: int, name: str) -> bytes:
    """Read exactly `count` bytes of a header."""
    content = b""
    while len(content) < count and (block := source.read(count - len(content))):
        content += block
    if len(content) < count:
        raise InputError(f"{name}: {len(content)} bytes of {count} of a header are there; expected a whole file")
    return content


def read_voxels(source: Source, dtype: np.dtype, count: int, name: str) -> np.ndarray:
    """Read exactly `count` numbers, then on to the end of the source, which verifies its checksum."""
    values = np.empty(count, dtype)  # the system hands out its memory only as it is filled
    view, filled = values.view(np.uint8), 0
    if isinstance(source, BufferedReader):
        filled = source.readinto(view.data)
    while filled < view.size:
        block = source.read(min(STEP, view.size - filled))
        if not block:
            raise InputError(
                f"{name}: {filled:,} of {view.size:,} bytes of voxels are there; expected a whole file. Copy it again."
            )
        view[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
        filled += len(block)
    behind = 0
    while block := source.read(STEP):
        behind += len(block)
        if behind > PADDING or block.strip(b"\0"):
            raise InputError(f"{name}: more bytes than the {filled:,} of its voxels; expected a header that fits them")
    return values


def placed_image(values: np.ndarray, affine: np.ndarray, name: str) -> Image:
    """Put voxels (c, d, h, w) at their place; one slice becomes a picture (c, h, w) that keeps it.

    affine: (4, 4) voxel index (x, y, z) to world in NIfTI's axes (right, anterior, superior) [mm].
    """
    spacing = checked_spacing(affine, name)
    if values.shape[1] == 1:
        return Image(values[:, 0], spacing_mm=spacing[1:], affine=affine, name=name)
    return Image(values, spacing_mm=spacing, affine=affine, name=name)


def plane_of(axes: np.ndarray, origin: np.ndarray) -> np.ndarray | None:
    """Return (3, 3) pixel index to the plane of a picture from its axes (2, 2), as columns, and its first pixel [mm].

    None where these are no axes at right angles, or have no length: the place of a picture is told where it is sound.
    """
    lengths = np.linalg.norm(axes, axis=0)
    is_sound = np.isfinite(axes).all() and np.isfinite(origin).all() and (lengths > 0).all()
    if not is_sound or abs(float((axes[:, 0] / lengths[0]) @ (axes[:, 1] / lengths[1]))) > math.radians(MAX_SKEW_DEG):
        return None
    plane = np.eye(3)
    plane[:2, :2], plane[:2, 2] = axes, origin
    return plane


def checked_spacing(affine: np.ndarray, name: str) -> tuple[float, float, float]:
    """Return the lengths of the axes (d, h, w) [mm]; refuse axes that are no axes or not at right angles."""
    axes = affine[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(affine).all() or not (lengths > 0).all() or lengths.max() > 1e6 * lengths.min():
        raise InputError(f"{name}: axes {axes.round(3).tolist()} given; expected finite ones, none of length 0")
    cosines = (axes / lengths).T @ (axes / lengths)
    skew_deg = math.degrees(math.asin(min(1.0, float(np.abs(cosines - np.eye(3)).max()))))
    if skew_deg > MAX_SKEW_DEG:
        raise InputError(
            f"{name}: axes {skew_deg:.1f} degrees off the right angle; expected at most {MAX_SKEW_DEG}. "
            "Resample it to a rectangular grid first."
        )
    return float(lengths[2]), float(lengths[1]), float(lengths[0])
