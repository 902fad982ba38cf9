"""Hold what a runtime makes of a graph against what PyTorch made of the same inputs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.batches import stack
from zoo.common.errors import BackendError
from zoo.common.tiling import read_window
from zoo.common.types import Arrays

LARGEST_DIFFERENCE = 1e-4  # of the largest value of an output
BATCHES = (1, 3)
MOST_VALUES = 2**22  # of one output that are kept, drawn from all
Forward = Callable[[Arrays], Mapping[str, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Kept:
    """An output as PyTorch made it: all its values, or some, with their places in the flattened whole."""

    shape: tuple[int, ...]
    largest: float
    places: np.ndarray | None
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Case:
    """One batch: what went in, and what came out."""

    inputs: Arrays
    outputs: Mapping[str, Kept]


def draw_inputs(algorithm: Algorithm[Any], count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Draw a batch as the network sees it: examples, or windows of them."""
    return stack([_drawn(algorithm, seed + i) for i in range(count)])


def _drawn(algorithm: Algorithm[Any], seed: int) -> Arrays:
    sample = type(algorithm).example(algorithm.config, np.random.default_rng(seed))
    inputs = algorithm.preprocess(algorithm.enter(sample.image))
    window = algorithm.window
    if window is None:
        return inputs
    return {name: np.array(read_window(value, [0] * len(window), window)) for name, value in inputs.items()}


def as_trained(weights: Arrays) -> dict[str, np.ndarray]:
    """Return drawn weights as training leaves them: biases and means away from zero, variances from one.

    A graph that forgets one of them answers like the network as long as they are what they begin as.
    """
    found = {}
    for name, value in weights.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        if name.endswith("running_var"):
            value = rng.uniform(0.5, 1.5, value.shape)
        elif name.endswith("running_mean") or (name.endswith("bias") and value.ndim == 1):
            value = value + rng.normal(0, 0.1, value.shape)
        found[name] = np.asarray(value, np.float32)
    return found


def refer(forward: Forward, algorithm: Algorithm[Any]) -> list[Case]:
    """Run the network of reference on drawn batches."""
    cases = []
    for number, count in enumerate(BATCHES):
        inputs = draw_inputs(algorithm, count, seed=10 * number)
        cases.append(Case(inputs, {name: _kept(value) for name, value in forward(inputs).items()}))
    return cases


def _kept(value: np.ndarray) -> Kept:
    largest = float(np.abs(value).max(initial=0))
    if value.size <= MOST_VALUES:
        return Kept(value.shape, largest, None, value.ravel())
    places = np.sort(np.random.default_rng(0).integers(0, value.size, MOST_VALUES))
    return Kept(value.shape, largest, places, value.ravel()[places])


def write_cases(path: Path, cases: Sequence[Case]) -> None:
    """Write cases into one .npz file."""
    arrays: dict[str, np.ndarray] = {}
    for i, case in enumerate(cases):
        arrays |= {f"{i} input {name}": value for name, value in case.inputs.items()}
        for name, kept in case.outputs.items():
            arrays[f"{i} values {name}"] = kept.values
            arrays[f"{i} shape {name}"] = np.array(kept.shape)
            arrays[f"{i} largest {name}"] = np.array(kept.largest)
            if kept.places is not None:
                arrays[f"{i} places {name}"] = kept.places
    np.savez(path, **arrays)


def read_cases(path: Path, inputs: Sequence[str], outputs: Sequence[str]) -> list[Case]:
    """Read what `write_cases` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return [
            Case(
                {name: file[f"{i} input {name}"] for name in inputs},
                {
                    name: Kept(
                        tuple(file[f"{i} shape {name}"]),
                        float(file[f"{i} largest {name}"]),
                        file.get(f"{i} places {name}"),
                        file[f"{i} values {name}"],
                    )
                    for name in outputs
                },
            )
            for i in range(len(BATCHES))
        ]


def differences(forward: Forward, cases: Sequence[Case]) -> dict[str, float]:
    """Measure, per output, the largest difference as a share of the largest value; infinite where it has no number."""
    found: dict[str, float] = {}
    for case in cases:
        outputs = forward(case.inputs)
        for name, kept in case.outputs.items():
            found[name] = max(found.get(name, 0.0), _difference(outputs.get(name), kept))
    return found


def _difference(value: np.ndarray | None, kept: Kept) -> float:
    if value is None or value.shape != kept.shape:
        return float("inf")
    flat = value.ravel() if kept.places is None else value.ravel()[kept.places]
    largest = float(np.abs(flat - kept.values).max(initial=0))
    if not np.isfinite(largest):
        return float("inf")
    return largest / kept.largest if kept.largest else largest


def refuse_differences(found: Mapping[str, float], who: str, instead: str) -> None:
    """Raise BackendError that names the outputs that differ too much."""
    wrong = {name: value for name, value in found.items() if not value <= LARGEST_DIFFERENCE}
    if wrong:
        told = ", ".join(f"{name} by {value:.1e}" for name, value in wrong.items())
        raise BackendError(
            f"{who} does not compute what PyTorch does: {told} of the largest value, expected {LARGEST_DIFFERENCE:.0e} "
            f"at most. It is not used for this network; load it with {instead}"
        )
