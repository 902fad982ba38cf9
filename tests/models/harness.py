"""Draw samples and batches for any algorithm of the registry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import zoo
from zoo.common.batches import stack
from zoo.common.types import Sample
from zoo.registry import load_registry

NAMES = list(load_registry())


def samples_of(model: zoo.Model, count: int) -> list[Sample]:
    """Draw synthetic, labelled samples."""
    return [type(model.algorithm).example(model.config, np.random.default_rng(seed)) for seed in range(count)]


def batch_of(model: zoo.Model, samples: Sequence[Sample]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Stack what the network takes and what the loss compares with."""
    inputs = stack([model.algorithm.preprocess(sample.image) for sample in samples])
    return inputs, stack([model.algorithm.targets(sample) for sample in samples])
