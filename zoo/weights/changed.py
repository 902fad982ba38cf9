"""Whether weights are still those that were loaded, or drawn: an owner may have trained them, or put others in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.files.output_folder import sha256_of
from zoo.common.initialise import initial_weights
from zoo.common.types import Arrays
from zoo.common.weights import read_weights
from zoo.weights.identity import drawn_with

if TYPE_CHECKING:
    from zoo.model import Model


def is_changed(model: Model) -> bool:
    """Tell whether weights are others than their source says; those of the head, which may start anew, tell nothing.

    False where the source is gone.
    """
    before, head = _weights_of_source(model), model.algorithm.head
    return any(
        value.shape == before[name].shape and not np.array_equal(value, before[name])
        for name, value in model.engine.weights().items()
        if name in before and not name.startswith(head)
    )


def _weights_of_source(model: Model) -> Arrays:
    seed, path = drawn_with(model.source), Path(model.source)
    if seed is not None:
        return initial_weights(model.engine.shapes(), model.algorithm.initialise, seed)
    if model.sha256 and path.is_file() and sha256_of(path) == model.sha256:
        return {name: np.asarray(value, np.float32) for name, value in read_weights(path)[0].items()}
    return {}
