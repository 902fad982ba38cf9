"""Draw samples and batches for any algorithm of the registry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import zoo
from zoo.common.answers.classification import Classification
from zoo.common.answers.ellipses import Ellipses
from zoo.common.answers.instances import Instances
from zoo.common.answers.localisation import Localisation
from zoo.common.answers.points import Points
from zoo.common.answers.prediction import Prediction
from zoo.common.answers.segmentation import Segmentation
from zoo.common.batches import stack
from zoo.common.recipe import Recipe
from zoo.common.types import Sample
from zoo.registry import load_registry
from zoo.report.pictures import perfect_prediction as perfect_prediction

NAMES = list(load_registry())
ANSWERS: dict[str, type[Prediction]] = {  # what a user of a known task gets; a task of its own names its own class
    "classification": Classification,
    "segmentation": Segmentation,
    "ellipse-detection": Ellipses,
    "localisation": Localisation,
    "point-detection": Points,
    "instance-segmentation": Instances,
}


def samples_of(model: zoo.Model, count: int) -> list[Sample]:
    """Draw synthetic, labelled samples."""
    return [type(model.algorithm).example(model.config, np.random.default_rng(seed)) for seed in range(count)]


def batch_of(model: zoo.Model, samples: Sequence[Sample]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Stack what the network takes and what the loss compares with."""
    inputs = stack([model.algorithm.preprocess(sample.image) for sample in samples])
    return inputs, stack([model.algorithm.targets(sample) for sample in samples])


def start_training(model: zoo.Model, recipe: Recipe) -> None:
    """Get ready to take steps, as a run does."""
    model.engine.start_training(recipe, model.algorithm.head, model.algorithm.undecayed, model.algorithm.phases)
