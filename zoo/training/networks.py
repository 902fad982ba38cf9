"""The networks of a method in a run: what they start from, and which of them is shipped."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.initialise import initial_weights
from zoo.common.methods.contract import Method
from zoo.common.types import Arrays, Case
from zoo.common.weights import sound_weights
from zoo.engines.engine import Engine, Learning
from zoo.weights.identity import is_drawn

if TYPE_CHECKING:
    from zoo.model import Model

Scored = tuple[list[Case], dict[str, float]]  # the cases, the loss of the validation split


@dataclass(frozen=True)
class Chosen:
    """The network whose weights are shipped after an epoch, and its scores on the validation split."""

    name: str  # of the companion; "" for the network itself
    weights: Arrays
    rows: list[Case]
    unseen: dict[str, float]
    metrics: dict[str, float]

    def score(self, monitor: str) -> float:
        """Return the monitored score, the lowest where it is not defined."""
        value = self.metrics.get(monitor, math.nan)
        return -math.inf if math.isnan(value) else value


def learning_of(method: Method, model: Model, seed: int) -> Learning | None:
    """Return what the engine needs for a method; None for the plain step.

    A partner has first weights of its own. Where the network starts from a checkpoint, the partner does, too, but for
    the head, which is drawn: two equal networks would stay equal for ever.
    """
    if method.is_plain:
        return None
    algorithm, before = model.algorithm, {} if is_drawn(model.source) else model.engine.weights()

    def draw(name: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
        fresh = initial_weights(shapes, algorithm.initialise, seed + zlib.crc32(name.encode()))
        fitting = [n for n, shape in shapes.items() if n in before and before[n].shape == tuple(shape)]
        kept = {n: before[n] for n in fitting if not n.startswith(algorithm.head)}
        return {**fresh, **kept}

    return Learning(method, draw)


def networks_to_ship(learning: Learning | None) -> tuple[str, ...]:
    """Name the networks that may be shipped; "" is the network itself."""
    if learning is None or not learning.method.ships_companions:
        return ("",)
    return ("", *learning.method.partners())


def choose_network(
    algorithm: Algorithm[Any], engine: Engine, names: Sequence[str], validate: Callable[[], Scored], place: str
) -> Chosen:
    """Score each of the networks with its averaged weights, and return the best; the engine then holds the last one."""
    best: Chosen | None = None
    for name in names:
        own = engine.companion(name, averaged=True) if name else engine.weights(averaged=True)
        shipped = sound_weights(own, place)  # before anything scores or keeps them
        engine.load(shipped)
        rows, unseen = validate()
        metrics = dict(algorithm.summarise(rows))
        found = Chosen(name, shipped, rows, unseen, metrics)
        if best is None or found.score(algorithm.monitor) > best.score(algorithm.monitor):
            best = found
    assert best is not None
    return best
