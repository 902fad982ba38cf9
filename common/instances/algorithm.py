"""What algorithms that find objects one by one share: their answer, its scores, the trivial baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Protocol, TypeVar

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.answers.instances import Instances, of_one_kind
from zoo.common.answers.prediction import Prediction
from zoo.common.errors import ConfigError
from zoo.common.instances.baseline import find_components
from zoo.common.instances.scores import score_instances, summarise_instances, weigh_instances
from zoo.common.types import Case, Image, Sample


class InstanceConfig(Protocol):
    """What the configuration of an instance segmentation has to say."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Kinds of objects, no background; there is one."""

    @property
    def least_px(self) -> int:
        """Pixels of the smallest object that is kept."""


I = TypeVar("I", bound=InstanceConfig)  # noqa: E741


class InstanceAlgorithm(Algorithm[I]):
    """Finds the objects of a picture, each with its own outline."""

    task = "instance-segmentation"
    labels: ClassVar[tuple[str, ...]] = ("instances",)
    answer_type: ClassVar[type[Prediction]] = Instances
    monitor = "aji"
    prediction_options: ClassVar[tuple[str, ...]] = ("least_px",)

    def __init__(self, config: I) -> None:
        super().__init__(config)
        if len(config.classes) != 1:
            raise ConfigError(
                f"classes={config.classes} given; expected the name of one kind of object, as maps of objects count one"
            )

    def score(self, prediction: Prediction, sample: Sample) -> Case:
        if not isinstance(prediction, Instances):
            raise TypeError(f"{type(prediction).__name__} given; expected Instances")
        return score_instances(prediction, sample)

    def summarise(self, cases: Sequence[Case]) -> dict[str, float]:
        return summarise_instances(cases)

    def weighed(self, cases: Sequence[Case]) -> Callable[[np.ndarray], dict[str, float]]:
        return weigh_instances(cases)

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Take Otsu's threshold; parts that hang together are one object. Nothing is fitted."""

        def predict(image: Image) -> Prediction:
            return of_one_kind(image, self.config.classes, find_components(image, self.config.least_px))

        return predict
