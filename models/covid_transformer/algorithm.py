"""Everything about Covid-Transformer but its network and its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from zoo.common.classification.lung_slices import (
    augment_slice,
    brightness_classifier,
    check_slice_config,
    cropped,
    example_slice,
    normalised,
    spread,
)
from zoo.common.classification.task import ClassificationAlgorithm
from zoo.common.networks.vit_config import check_vit_config
from zoo.common.networks.vit_weights import initial_vit_value
from zoo.common.predictions import Classification, Prediction
from zoo.common.types import Arrays, Image, Sample

from .config import Config


class CovidTransformer(ClassificationAlgorithm[Config]):
    """Classify one slice; say how probable each class is and what the class token looked at."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        check_slice_config(config)
        check_vit_config(config)

    @property
    def head(self) -> tuple[str, ...]:
        return ("head.",)

    def preprocess(self, image: Image) -> Arrays:
        return {"image": normalised(cropped(image, self.config), self.config)}

    def postprocess(self, outputs: Arrays, image: Image) -> Prediction:
        flow = np.asarray(outputs["rollout"])
        # what every token receives alike says nothing about the picture
        heat_map = spread(flow - flow.min(), image, self.config)
        return Classification(image, self.config.classes, self.probabilities(outputs["logits"]), heat_map)

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return augment_slice(sample, rng)

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Classify by the mean brightness of what is not black."""
        classify = brightness_classifier(training, len(self.config.classes))
        return lambda image: Classification(image, self.config.classes, classify(image))

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        """Draw two grey lungs on black, with as many bright spots in each as the label says."""
        return example_slice(config, rng)

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return initial_vit_value(name, shape, rng)
