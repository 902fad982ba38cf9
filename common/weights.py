"""The one weight format: safetensors under PyTorch's parameter names, with the model's identity in the metadata."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zoo.common.errors import CheckpointError, WeightsError
from zoo.common.outputs import writing
from zoo.common.types import Arrays

LARGEST_HEADER_BYTES = 4 << 20  # the largest network of the zoo needs 60 kB; a lying header may claim gigabytes
DTYPES = {"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U8", "BOOL"}
SHOWN = 5  # names in a message before the count takes over


def write_weights(path: Path, weights: Arrays, metadata: Mapping[str, str]) -> None:
    """Write arrays and metadata so that `path` holds either the old or the complete new file, whatever happens."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(value) for name, value in sorted(weights.items())}
    write_atomically(path, save(arrays, metadata=dict(metadata)))


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step; OutputError, and the old content, when that fails."""
    with writing(path):
        _write_and_rename(path, content)


def _write_and_rename(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_weights(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the arrays and the metadata of a safetensors file; nothing in it is ever executed.

    Raises CheckpointError when the file is not a sound safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    metadata = _checked_metadata(path)
    try:
        return load(path.read_bytes()), metadata
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: {error}; expected a sound safetensors file; download it again") from error


def read_metadata(path: Path) -> dict[str, str]:
    """Read only the metadata."""
    return _checked_metadata(path)


def _checked_metadata(path: Path) -> dict[str, str]:
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for ever
            raise CheckpointError(f"{path}: not a file; give the path of a .safetensors file")
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or not 2 <= length <= min(size - 8, LARGEST_HEADER_BYTES):
                raise CheckpointError(
                    f"{path}: the header claims {length} bytes of a {size}-byte file; "
                    "expected a safetensors file written by the zoo or by the safetensors library"
                )
            raw = file.read(length)
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}); give the path of a .safetensors file"
        ) from error
    try:
        header = json.loads(raw, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: the header is not JSON ({error}); expected a safetensors file") from error
    _check_header(path, header, size - 8 - length)
    metadata = header.get("__metadata__", {})
    return {str(key): str(value) for key, value in metadata.items()}


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice")
    return result


def _check_header(path: Path, header: object, body_bytes: int) -> None:
    sound = isinstance(header, dict) and isinstance(header.get("__metadata__", {}), dict)
    for name, entry in header.items() if isinstance(header, dict) else ():
        if name == "__metadata__":
            continue
        sound = sound and isinstance(entry, dict) and isinstance(entry.get("dtype"), str) and entry["dtype"] in DTYPES
        offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
        sound = sound and isinstance(offsets, list) and len(offsets) == 2
        sound = sound and all(type(o) is int and 0 <= o <= body_bytes for o in offsets or ())
        if not sound:
            raise CheckpointError(f"{path}: the entry of {name!r} is not sound ({str(entry)[:80]}); download it again")
    if not sound:
        raise CheckpointError(f"{path}: the header is not a table of tensors; expected a safetensors file")


def check_fit(
    expected: Mapping[str, tuple[int, ...]], weights: Arrays, source: str, head: tuple[str, ...] = ()
) -> list[str]:
    """Compare weights with the network's names and shapes; return what under `head` does not fit, sorted.

    Raises WeightsError, naming the tensors, for any difference outside the prefixes in `head`.
    """
    missing = sorted(set(expected) - set(weights))
    unexpected = sorted(set(weights) - set(expected))
    resized = sorted(n for n in set(expected) & set(weights) if tuple(weights[n].shape) != tuple(expected[n]))
    allowed = [n for n in (*missing, *resized) if head and n.startswith(head)]
    problems = [f"missing: {_some([n for n in missing if n not in allowed])}"]
    problems.append(f"unexpected: {_some([n for n in unexpected if not (head and n.startswith(head))])}")
    shapes = [f"{n} {tuple(weights[n].shape)} instead of {tuple(expected[n])}" for n in resized if n not in allowed]
    problems.append(f"other shape: {_some(shapes)}")
    problems = [p for p in problems if not p.endswith(": ")]
    if problems:
        raise WeightsError(
            f"{source}: the weights do not fit the network: {'; '.join(problems)}. "
            "Give the checkpoint of this algorithm and configuration, or checkpoint=None for random weights"
        )
    return sorted(allowed)


def fit_channels(weights: Arrays, expected: Mapping[str, tuple[int, ...]], channels: int) -> Arrays:
    """Spread the kernels of the first layers, (out, old, ...), evenly over `channels` of the input.

    An image whose channels are all alike gives the same answer as before, so fine-tuning starts from what was learned.
    """

    def is_first(name: str, kernel: np.ndarray) -> bool:
        new = expected.get(name, kernel.shape)
        return (
            kernel.ndim > 2 and new[1] == channels != kernel.shape[1] and new[:1] + new[2:] == _without_second(kernel)
        )

    return {name: _spread(w, channels) if is_first(name, w) else w for name, w in weights.items()}


def _without_second(kernel: np.ndarray) -> tuple[int, ...]:
    return kernel.shape[:1] + kernel.shape[2:]


def _spread(kernel: np.ndarray, channels: int) -> np.ndarray:
    return np.repeat(kernel.sum(axis=1, keepdims=True) / channels, channels, axis=1)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
