"""The loss of the validation split, from the very outputs that are scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.common.algorithm import Algorithm
from zoo.common.batches import stack
from zoo.common.types import Arrays, Case, Sample
from zoo.engines.engine import Engine
from zoo.evaluation import score_all


def validate(
    algorithm: Algorithm[Any], engine: Engine, samples: Sequence[Sample], batch_size: int
) -> tuple[list[Case], dict[str, float]]:
    """Score every sample, and average the loss terms over the samples, from one pass through the network.

    The loss has no augmentation and the network is in evaluation mode. There is none, {}, where images go through the
    network in windows or slices: the loss is one of patches then, and what is scored has been put together from many;
    and none where the loss needs the network itself.
    """
    sums: dict[str, float] = {}
    counted = 0

    def hear(outputs: Arrays, batch: Sequence[Sample]) -> None:
        nonlocal counted
        terms = engine.losses(outputs, stack([algorithm.targets(sample) for sample in batch]))
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + value * len(batch)
        counted += len(batch)

    cases = score_all(algorithm, engine, samples, batch_size, hear=hear)
    return cases, {name: value / counted for name, value in sums.items()} if counted == len(cases) else {}
