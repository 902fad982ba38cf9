"""The stored answers of papers and other packages, where this machine has them: ../shared/known_answers."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(os.environ.get("ZOO_KNOWN_ANSWERS", Path(__file__).parents[3] / "shared" / "known_answers"))


def cases(family):
    """List the cases as pytest parameters; one skipped parameter with the reason when they are absent."""
    return [pytest.param(case, id=title) for title, case in _read(family).items()] or [_absent(family, {})]


def case(family, title):
    """Return one case by its title; skips where the answers are absent."""
    if not (FOLDER / f"{family}.json").exists():
        pytest.skip(f"{FOLDER / family}.json is not on this machine")
    return _read(family)[title]


def answers(family, key="expected"):
    """List (case, name, value) as pytest parameters, one for each value of a case."""
    parameters = [
        pytest.param(case, name, value, id=f"{title}-{name}")
        for title, case in _read(family).items()
        for name, value in case.get(key, {}).items()
    ]
    return parameters or [_absent(family, {}, "", 0.0)]


def array(name):
    """Open one array by name."""
    with np.load(FOLDER / "inputs.npz") as arrays:
        return arrays[name]


def inputs(case):
    """Open the case's reference and prediction."""
    return array(case["inputs"]["reference"]), array(case["inputs"]["prediction"])


def masks(case):
    """Open the case's reference and prediction as masks."""
    label = case["inputs"].get("binarise_label")
    return [(values == label) if label is not None else values > 0 for values in inputs(case)]


def assert_close(found, expected):
    """Compare by the files' own rule: |found - expected| <= 1e-6 max(1, |expected|)."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    np.testing.assert_array_less(np.abs(found - expected), 1e-6 * np.maximum(1, np.abs(expected)) + 1e-300)


def _read(family):
    path = FOLDER / f"{family}.json"
    return json.loads(path.read_text())["cases"] if path.exists() else {}


def _absent(family, *values):
    reason = f"{FOLDER / family}.json is not on this machine"
    return pytest.param(*values, marks=pytest.mark.skip(reason=reason), id="absent")
