"""Try one framework: its device, and every tiny network in it; `python -m zoo.doctor.probe torch` prints JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from zoo.engines.backends import resolve
from zoo.loading import load
from zoo.registry import Entry, load_registry


def probe(framework: str) -> dict[str, Any]:
    """Return {"device": ..., "algorithms": {name: {"ms": ...} or {"error": ...}}}."""
    entries = [entry for entry in load_registry().values() if framework in entry.frameworks]
    device = resolve(framework).device
    return {"device": device, "algorithms": {entry.name: outcome(entry, framework, device) for entry in entries}}


def outcome(entry: Entry, framework: str, device: str) -> dict[str, Any]:
    """Run one algorithm on its own synthetic example; an error of any kind is the answer, not a crash."""
    try:
        model = load(entry.name, backend=framework, device=device, checkpoint=None, variant="tiny")
        image = model.algorithm.example(model.config, np.random.default_rng(0)).image
        model.predict(image)  # the first pass compiles and allocates
        started = time.perf_counter()
        model.predict(image)
    except Exception as error:  # whatever it is, the user wants to read it
        return {"error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]}
    return {"ms": 1000 * (time.perf_counter() - started)}


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1])))
