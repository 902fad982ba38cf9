"""Weights that other programs saved: read without executing anything, matched with a network by names and shapes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zoo.common.errors import ConfigError, WeightsError
from zoo.common.files.output_folder import sha256_of
from zoo.common.files.outputs import user_path
from zoo.common.types import Arrays
from zoo.common.weights.in_memory import read_file

PICKLED = (".pt", ".pth", ".bin", ".ckpt")  # by torch.save
UNUSED = "num_batches_tracked"  # counters of norms, which no answer depends on
LONGEST_S = 600  # that a conversion may take
Rename = Mapping[str, str]  # prefix in the file -> prefix in the network


def refuse_both(checkpoint: str | Path | None, init: str | None) -> None:
    """Raise ConfigError where weights of another program are not the only ones asked for."""
    if init is not None or checkpoint not in ("default", None):
        other = f"init={init!r}" if init is not None else f"checkpoint={str(checkpoint)!r}"
        raise ConfigError(f"state_dict and {other} given; expected one of them, as both bring weights")


def read_foreign(path: str | Path) -> dict[str, np.ndarray]:
    """Read the tensors of a .safetensors file, or of one by torch.save, which a process of its own converts."""
    path = user_path(path)
    if not path.is_file():
        raise WeightsError(
            f"{path}: there is no such file; expected .safetensors, or {', '.join(PICKLED)} of torch.save"
        )
    suffix = path.suffix.lower()
    if suffix in PICKLED:
        arrays = _converted(path)
    elif suffix == ".safetensors":
        arrays = read_file(path).arrays()
    else:
        raise WeightsError(f"{path}: suffix {path.suffix!r} given; expected .safetensors, {', '.join(PICKLED)}")
    return {name: value for name, value in arrays.items() if not name.endswith(UNUSED)}


def origin_of(path: str | Path, rename: Rename | None) -> dict[str, object]:
    """Say what file weights were adopted from, for the checkpoint that is made of them."""
    path = user_path(path)
    told: dict[str, object] = {"file": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
    return told | ({"renamed": dict(rename)} if rename else {})


def renamed(arrays: Arrays, rename: Rename | None) -> dict[str, np.ndarray]:
    """Replace prefixes of names, the longest that fits; {"module.": ""} takes one away, {"": "net."} adds one."""
    if not rename:
        return dict(arrays)
    prefixes = sorted(rename, key=len, reverse=True)
    if unknown := [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in arrays)]:
        begun = ", ".join(dict.fromkeys(name.split(".")[0] for name in arrays))
        raise WeightsError(f"rename: no tensor begins with {unknown[0]!r}; the file has {begun:.200}")
    out: dict[str, np.ndarray] = {}
    for name, value in arrays.items():
        prefix = next((p for p in prefixes if name.startswith(p)), None)
        new = name if prefix is None else rename[prefix] + name[len(prefix) :]
        if new in out:
            raise WeightsError(f"rename: two tensors would be called {new!r}; expected different names")
        out[new] = value
    return out


def offer(expected: Mapping[str, tuple[int, ...]], arrays: Arrays) -> Rename | None:
    """Return the one change of a prefix after which every weight of the network is there, in its shape; or None."""
    found: Counter[tuple[str, str]] = Counter()
    lasts: dict[str, list[str]] = {}
    for name in arrays:
        lasts.setdefault(name.rsplit(".", 1)[-1], []).append(name)
    for name, shape in expected.items():
        for other in lasts.get(name.rsplit(".", 1)[-1], []):
            if tuple(arrays[other].shape) == tuple(shape):
                if other.endswith(name):
                    found[other[: len(other) - len(name)], ""] += 1
                elif name.endswith(other):
                    found["", name[: len(name) - len(other)]] += 1
    for (old, new), _ in found.most_common(3):
        changed = {new + name[len(old) :]: value for name, value in arrays.items() if name.startswith(old)}
        if all(name in changed and tuple(changed[name].shape) == tuple(shape) for name, shape in expected.items()):
            return {old: new} if (old, new) != ("", "") else None
    return None


def with_offer(error: WeightsError, rename: Rename) -> WeightsError:
    """Return the error with the change of names that would help."""
    ((old, new),) = rename.items()
    return WeightsError(
        f"{error}. The names fit after one change of a prefix: rename={{{old!r}: {new!r}}} (--rename '{old}={new}')"
    )


def _converted(path: Path) -> dict[str, np.ndarray]:
    if importlib.util.find_spec("torch") is None:
        raise WeightsError(
            f"{path}: only PyTorch reads this file; pip install torch, or save it as .safetensors elsewhere"
        )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "converted.safetensors"
        command = [sys.executable, "-m", "zoo.weights.tensors_torch", str(path.resolve()), str(target)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            raise WeightsError(f"{path}: not converted after {LONGEST_S} s; save it as .safetensors") from None
        if done.returncode or not target.is_file():
            reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
            raise WeightsError(
                f"{path}: {reason:.300}; expected tensors by name and nothing else. Save "
                "torch.save(model.state_dict(), ...) or safetensors anew where the model can be built"
            )
        return read_file(target).arrays()
