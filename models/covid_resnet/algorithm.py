"""Everything about Covid-ResNet but its network and its loss."""

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
from zoo.common.predictions import Classification, Prediction
from zoo.common.types import Arrays, Image, Sample

from .config import Config


class CovidResNet(ClassificationAlgorithm[Config]):
    """Classify one slice; say how probable each class is and where it was seen."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        check_slice_config(config)

    @property
    def head(self) -> tuple[str, ...]:
        return ("fc.",)

    def preprocess(self, image: Image) -> Arrays:
        return {"image": normalised(cropped(image, self.config), self.config)}

    def postprocess(self, outputs: Arrays, image: Image) -> Prediction:
        probabilities = self.probabilities(outputs["logits"])
        cam, named = np.asarray(outputs["cam"], np.float32), int(probabilities.argmax())
        # only differences of logits matter, so the evidence is measured against the mean of the other classes
        evidence = cam[named] - np.delete(cam, named, axis=0).mean(0)
        return Classification(image, self.config.classes, probabilities, spread(evidence, image, self.config))

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
