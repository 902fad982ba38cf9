"""The stored answers of other packages and of the papers, where this machine has them: ../shared/known_answers."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(os.environ.get("ZOO_KNOWN_ANSWERS", Path(__file__).parents[3] / "shared" / "known_answers"))


def cases(family, key="expected"):
    """List (case, name, value) as pytest parameters; one skipped parameter with the reason when they are absent."""
    path = FOLDER / f"{family}.json"
    if not path.exists():
        reason = f"{path} is not on this machine"
        return [pytest.param({}, "", 0.0, marks=pytest.mark.skip(reason=reason), id="absent")]
    out = []
    for title, case in json.loads(path.read_text())["cases"].items():
        out += [pytest.param(case, name, value, id=f"{title}-{name}") for name, value in case.get(key, {}).items()]
    return out


def masks(case):
    """Open the case's reference and prediction as masks."""
    inputs = case["inputs"]
    with np.load(FOLDER / "inputs.npz") as arrays:
        pair = [arrays[inputs[name]] for name in ("reference", "prediction")]
    label = inputs.get("binarise_label")
    return [(array == label) if label is not None else array > 0 for array in pair]


def array(name):
    """Open one array by name."""
    with np.load(FOLDER / "inputs.npz") as arrays:
        return arrays[name]
