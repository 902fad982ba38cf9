"""Data with scribbles, written anew with wider ones: the second stage of learning from them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.answers.segmentation import Segmentation
from zoo.common.datasets import Dataset
from zoo.common.datasets.classes import counted_alike
from zoo.common.datasets.unknown import marked_in_part
from zoo.common.errors import ConfigError
from zoo.common.labels import UNKNOWN
from zoo.common.methods.expansion import expanded
from zoo.common.types import Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.model import Model

SURE = 0.1  # share of the largest entropy, as published


def expand(model: Model, dataset: Dataset, sure: float = SURE) -> Dataset:
    """Return a data set whose training masks mark more: all that the model is sure of, beside what was marked.

    sure: share of the largest entropy below which a pixel counts as sure, see expanded(). Other splits stay.
    ConfigError where the model does not segment, DataError where it has other classes than the data.
    """
    if model.algorithm.labels != ("mask",) or "probabilities" not in model.algorithm.prediction_options:
        raise ConfigError(f"{model.name} gives no probabilities of pixels; expected an entry for segmentation")
    if not 0 < sure < 1:
        raise ConfigError(f"sure={sure} given; expected a share between 0 and 1")
    same = counted_alike(dataset, model.algorithm)
    records = [
        replace(record, load=partial(_wider, model, record.load, record.name, sure))
        if record.split == "train"
        else record
        for record in same.records
    ]
    return Dataset(records, same.origin, same.classes or tuple(model.config.classes), same.drawn, same.counted)


def _wider(model: Model, load: Callable[[], Sample], name: str, sure: float) -> Sample:
    """Load a case whose mask marks more."""
    sample = marked_in_part(load())
    mask = np.asarray(sample.labels["mask"])
    if not (mask == UNKNOWN).any():
        return sample
    answer = model.predict(sample.image, probabilities=True)
    assert isinstance(answer, Segmentation) and answer.probabilities is not None
    return replace(sample, labels={**sample.labels, "mask": expanded(mask, answer.probabilities, sure)}, files={})
