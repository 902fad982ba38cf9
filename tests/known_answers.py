"""The known answers beside the checkout: values by the definition in each paper; tests skip where they are not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "known_answers"


def cases(name: str) -> list[object]:
    """Return one parameter (case) per case of a file, or one that skips."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason=f"{path} is not on this machine"))]
    return [pytest.param(case, id=key) for key, case in json.loads(path.read_text())["cases"].items()]


def inputs(case: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return reference and prediction of a case."""
    arrays = np.load(FOLDER / "inputs.npz")
    return arrays[case["inputs"]["reference"]], arrays[case["inputs"]["prediction"]]


def assert_close(found: object, expected: object) -> None:
    """Compare by the files' own rule: |found - expected| <= 1e-6 max(1, |expected|)."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    np.testing.assert_array_less(np.abs(found - expected), 1e-6 * np.maximum(1, np.abs(expected)) + 1e-300)
