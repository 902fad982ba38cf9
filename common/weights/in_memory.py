"""A safetensors file in memory: read once, so that what was hashed is what is used; tensors are views of it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from zoo.common.errors import CheckpointError

LARGEST_HEADER_BYTES = 4 << 20  # the largest network of the zoo needs 60 kB; a lying header may claim gigabytes
BF16 = "BF16"
DTYPES = {  # as the format names them; NumPy has no bfloat16, whose bits are the upper half of a float32
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", BF16: "<u2"},
    **{"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1"},
    **{"U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?"},
}
Header = dict[str, Any]


@dataclass(frozen=True, eq=False)
class WeightFile:
    """The whole content of a weight file, with its header checked; `source` names it in errors."""

    content: bytearray
    source: str

    @cached_property
    def sha256(self) -> str:
        """The sum of the very bytes that the tensors are views of."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def header(self) -> Header:
        """The table of tensors; CheckpointError when it is not sound."""
        start = _body_start(self.content[:8], len(self.content), self.source)
        return checked_header(bytes(memoryview(self.content)[8:start]), len(self.content) - start, self.source)

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says beside its tensors."""
        return metadata_of(self.header)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return every tensor, bfloat16 as float32, all others in their own type; nothing in it is ever executed."""
        start = len(self.content) - _body_bytes(self.header)
        entries = sorted(self.header.items())
        return {name: self._array(entry, start) for name, entry in entries if name != "__metadata__"}

    def _array(self, entry: Mapping[str, Any], start: int) -> np.ndarray:
        count = math.prod(entry["shape"])
        dtype = np.dtype(DTYPES[entry["dtype"]])
        first = start + entry["data_offsets"][0]
        array = np.frombuffer(self.content, dtype, count, first) if count else np.zeros(0, dtype)
        if entry["dtype"] == BF16:
            array = (array.astype(np.uint32) << 16).view(np.float32)
        array = array if array.flags.aligned else array.copy()  # files of others need not be padded
        return array.reshape(entry["shape"])


def read_file(path: Path) -> WeightFile:
    """Read a weight file into memory, once; a header that lies is refused before the rest is read."""
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = _read_header(file, size, path)
        content = bytearray(size)
        content[: len(head)] = head
        filled = len(head)
        while count := file.readinto(memoryview(content)[filled:]):  # type: ignore[attr-defined]
            filled += count
    if filled != size:
        raise CheckpointError(f"{path}: {filled} of {size} bytes could be read; it changed meanwhile. Load it again")
    return WeightFile(content, str(path))


def read_raw(path: Path, size: int) -> bytearray:
    """Read at most one byte more than `size`, whatever it is: for a file whose sum is known."""
    content = bytearray(size + 1)
    with path.open("rb") as file:
        filled = 0
        while count := file.readinto(memoryview(content)[filled:]):
            filled += count
    del content[filled:]
    return content


def read_metadata(path: Path) -> dict[str, str]:
    """Read only the metadata; CheckpointError when the header is not sound."""
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = _read_header(file, size, path)
    return metadata_of(checked_header(head[8:], size - len(head), str(path)))


def metadata_of(header: Header) -> dict[str, str]:
    """Return the texts of a checked header."""
    return dict(header.get("__metadata__", {}))


def checked_header(raw: bytes, body_bytes: int, source: str) -> Header:
    """Parse a header; CheckpointError unless its tensors fill the body exactly, side by side."""
    try:
        header = json.loads(raw, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        reason = str(error)[:200]
        raise CheckpointError(f"{source}: the header is not JSON ({reason}); expected a safetensors file") from error
    metadata = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError(f"{source}: the header is not a table of tensors; expected a safetensors file")
    places = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if not _is_sound(entry, body_bytes):
            raise CheckpointError(
                f"{source}: the entry of {name[:80]!r} is not sound ({str(entry)[:80]}); download it again"
            )
        places.append((*entry["data_offsets"], name))
    end = 0
    for start, stop, name in sorted(places):
        if start != end:
            raise CheckpointError(f"{source}: {name[:80]!r} starts at byte {start}; expected {end}. Download it again")
        end = stop
    if end != body_bytes:
        raise CheckpointError(f"{source}: the tensors end at byte {end} of {body_bytes}; download it again")
    return header


def _is_sound(entry: Any, body_bytes: int) -> bool:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        return False
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES or not isinstance(shape, list) or len(shape) > 32:
        return False
    if not isinstance(offsets, list) or len(offsets) != 2:
        return False
    if not all(type(number) is int and 0 <= number < 1 << 63 for number in (*shape, *offsets)):
        return False
    size = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
    return offsets[1] <= body_bytes and offsets[1] - offsets[0] == size


def _opened(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise CheckpointError(f"{path}: not a file; give the path of a .safetensors file")
        return path.open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{path}: cannot be read ({reason}); give the path of a .safetensors file") from error


def _read_header(file: BinaryIO, size: int, path: Path) -> bytes:
    first = file.read(8)
    head = first + file.read(_body_start(first, size, str(path)) - 8)
    checked_header(head[8:], size - len(head), str(path))
    return head


def _body_start(first: bytes | bytearray, size: int, source: str) -> int:
    length = int.from_bytes(first, "little")
    if size < 8 or not 2 <= length <= min(size - 8, LARGEST_HEADER_BYTES):
        raise CheckpointError(
            f"{source}: the header claims {length} bytes of a {size}-byte file; "
            "expected a safetensors file written by the zoo or by the safetensors library"
        )
    return 8 + length


def _body_bytes(header: Header) -> int:
    return max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice")
    return result
