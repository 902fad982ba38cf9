"""The one weight format: safetensors under PyTorch's parameter names; what may stand in it, and what fits a network."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zoo.common.errors import WeightsError
from zoo.common.files.outputs import explained
from zoo.common.types import Arrays
from zoo.common.weights.in_memory import read_file

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
SHOWN = 5  # names in a message before the count takes over


def write_weights(path: Path, weights: Arrays, metadata: Mapping[str, str]) -> None:
    """Write arrays and metadata so that `path` holds either the old or the complete new file, whatever happens."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(value) for name, value in sorted(weights.items())}
    write_atomically(path, save(arrays, metadata=dict(metadata)))


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step; OutputError, and the old content, when that fails."""
    with explained(path):
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


def write_checkpoint(path: Path, weights: Arrays, metadata: Mapping[str, str]) -> None:
    """Write the weights of a network; WeightsError, naming the tensors, when no network could answer with them."""
    write_weights(path, sound_weights(weights, str(path)), metadata)


def read_weights(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the arrays and the metadata of a safetensors file; nothing in it is ever executed.

    Raises CheckpointError when the file is not a sound safetensors file.
    """
    file = read_file(path)
    return file.arrays(), file.metadata


def sound_weights(weights: Arrays, source: str) -> dict[str, np.ndarray]:
    """Return weights as float32; WeightsError, naming the tensors, for what cannot be a weight.

    Floats of 16 and 64 bits are converted. Refused: integers and truth values, NaN, what is infinite or beyond float32,
    and a negative running variance.
    """
    problems = [f"{name} {problem}" for name, value in weights.items() if (problem := _problem(name, value))]
    if problems:
        raise WeightsError(
            f"{source}: {_some(problems)}; expected finite floats. Training that diverged leaves such: lower the "
            "learning rate or set clip_norm, and load the last good checkpoint"
        )
    return {name: np.asarray(value, np.float32) for name, value in weights.items()}


def _problem(name: str, value: np.ndarray) -> str:
    if value.dtype.kind != "f":
        return f"holds {value.dtype}"
    if np.isnan(value).any():
        return "holds NaN"
    largest = float(max(value.max(initial=0), -value.min(initial=0)))
    if largest > LARGEST_FLOAT32:
        return "holds infinity" if np.isinf(largest) else f"holds {largest:.3g}, beyond float32"
    if name.rpartition(".")[2] == "running_var" and value.min(initial=0) < 0:
        return f"holds the negative variance {float(value.min()):.3g}"
    return ""


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
