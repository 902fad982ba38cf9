"""What classifiers of one slice share: the way in, augmentation, the trivial baseline, a synthetic sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import numpy as np

from zoo.common.answers.classification import Classification
from zoo.common.answers.prediction import Prediction
from zoo.common.augment.options import Augmentation
from zoo.common.classification.algorithm import ClassificationAlgorithm, ClassificationConfig
from zoo.common.lungs.slices import (
    SliceAugmentation,
    SliceConfig,
    augment_slice,
    brightness_classifier,
    check_slice_config,
    cropped,
    example_slice,
    normalised,
)
from zoo.common.types import Arrays, Image, Sample


class SliceClassifierConfig(ClassificationConfig, SliceConfig, Protocol):
    """What a configuration says about the classes and about the way in."""


S = TypeVar("S", bound=SliceClassifierConfig)


class SliceClassifier(ClassificationAlgorithm[S]):
    """Classify one slice (c, h, w) of intensities 0..255."""

    augmentation: Augmentation = SliceAugmentation()

    def __init__(self, config: S) -> None:
        super().__init__(config)
        check_slice_config(config)

    def preprocess(self, image: Image) -> Arrays:
        return {"image": normalised(cropped(image, self.config), self.config)}

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return augment_slice(sample, self.options(SliceAugmentation), rng)

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Classify by the mean brightness of what is not black."""
        classify = brightness_classifier(training, len(self.config.classes))
        return lambda image: Classification(image, self.config.classes, classify(image))

    @classmethod
    def example(cls, config: S, rng: np.random.Generator) -> Sample:
        """Draw two grey lungs on black, with as many bright spots in each as the label says."""
        return example_slice(config, rng)
