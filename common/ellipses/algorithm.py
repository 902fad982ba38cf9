"""What algorithms that answer with ellipses share: fitted input, measurements, scores, the trivial baseline."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar, Protocol, TypeVar

import numpy as np

from zoo.common.algorithm import Algorithm, Steps
from zoo.common.answers.ellipses import Ellipses
from zoo.common.answers.prediction import Prediction
from zoo.common.augment.options import Augmentation
from zoo.common.ellipses import geometry
from zoo.common.ellipses.augment import EllipseAugmentation, augment
from zoo.common.ellipses.baseline import MedianEllipses
from zoo.common.ellipses.biometry import measure
from zoo.common.ellipses.fetal_simulator import draw_head, draw_heart_view
from zoo.common.ellipses.scores import score_ellipses, score_measurements, summarise
from zoo.common.errors import ConfigError, DataError, InputError
from zoo.common.transforms.pictures import invert_affine, letterbox, to_channels
from zoo.common.types import Arrays, Case, Image, Row, Sample


class EllipseConfig(Protocol):
    """What the configuration of such an algorithm has to say; see EllipseNet's for the units."""

    @property
    def classes(self) -> tuple[str, ...]:
        """One ellipse of each per image."""

    @property
    def preset(self) -> str:
        """Draw examples of fetal_head or fetal_heart."""

    @property
    def ap_axis(self) -> str:
        """Take the minor or major axis of the thorax as front-back."""

    @property
    def input_size(self) -> tuple[int, int]:
        """(h, w) [px]."""

    @property
    def input_channels(self) -> int:
        """1 or 3."""

    @property
    def mean(self) -> float:
        """Of the intensities scaled to 0..1."""

    @property
    def std(self) -> float:
        """Of the intensities scaled to 0..1."""


E = TypeVar("E", bound=EllipseConfig)


class EllipseAlgorithm(Algorithm[E]):
    """At most one ellipse per class, with what follows from it measured."""

    task = "ellipse-detection"
    labels: ClassVar[tuple[str, ...]] = ("ellipses",)
    answer_type: ClassVar[type[Prediction]] = Ellipses
    monitor = "dice"
    augmentation: Augmentation = EllipseAugmentation()

    def __init__(self, config: E) -> None:
        super().__init__(config)
        if len(set(config.classes)) < len(config.classes):
            raise ConfigError(f"classes={config.classes} given; expected names that are all different")

    def preprocess(self, image: Image) -> Arrays:
        if image.array.ndim != 3:
            raise InputError(
                f"{image.name}: {image.array.ndim} axes; {type(self).__name__} expects a picture (c, h, w)"
            )
        boxed, _ = letterbox(to_channels(image.array, self.config.input_channels), self.config.input_size)
        scaled = boxed / white_level(image.array)
        return {"image": ((scaled - self.config.mean) / self.config.std).astype(np.float32)}

    def steps(self) -> Steps | str:
        config = self.config
        fitted = {"do": "channels", "count": config.input_channels}, {"do": "letterbox", "size": config.input_size}
        scaled = {"do": "normalise", "divide": 1, "mean": config.mean, "std": config.std}
        return {"image": [{"do": "white"}, *fitted, scaled]}

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return augment(sample, self.config.input_size, self.options(EllipseAugmentation), rng)

    def score(self, prediction: Prediction, sample: Sample) -> Case:
        if not isinstance(prediction, Ellipses):
            raise TypeError(f"{type(prediction).__name__} given; expected Ellipses")
        truth = geometry.canonical(sample.labels["ellipses"])
        row: Row = {
            "name": sample.image.name,
            "group": sample.group,
            **score_ellipses(prediction.ellipses, truth, self.config.classes, math.hypot(*sample.image.size)),
            # the truth is measured by the same rules, so that only the ellipses differ
            **score_measurements(prediction.measurements, self._measure(truth, sample.image)),
        }
        return Case(row)

    def summarise(self, cases: Sequence[Case]) -> dict[str, float]:
        return summarise([case.row for case in cases])

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        median = MedianEllipses.fit(training, len(self.config.classes))

        def predict(image: Image) -> Ellipses:
            rows = median.ellipses(image)
            return self.answer(rows, median.frequency[rows[:, 0].astype(int)], image)

        return predict

    @classmethod
    def example(cls, config: E, rng: np.random.Generator) -> Sample:
        size = (config.input_size[0] * 5 // 4, config.input_size[1] * 5 // 4 + 6)
        drawn = draw_heart_view(size, rng) if config.preset == "fetal_heart" else draw_head(size, rng)
        rows = drawn.labels["ellipses"]  # a thorax and a heart, of which the model may know the first alone
        return replace(drawn, labels={**drawn.labels, "ellipses": rows[rows[:, 0] < len(config.classes)]})

    def truth(self, sample: Sample) -> np.ndarray:
        """Return the true ellipses (k, 6) in pixels of the network's input; DataError when a class is unknown."""
        rows = np.asarray(sample.labels["ellipses"], np.float64).reshape(-1, 6)
        classes = self.config.classes
        if rows.size and not (rows[:, 0].min() >= 0 and rows[:, 0].max() < len(classes)):
            raise DataError(f"{sample.image.name}: classes {rows[:, 0]}; expected indices into {classes}")
        return geometry.transform(rows, invert_affine(self.back(sample.image)))

    def back(self, image: Image) -> np.ndarray:
        """Return the map from the network's input to the image."""
        return letterbox(np.zeros((1, *image.size), np.float32), self.config.input_size)[1]

    def answer(self, rows: np.ndarray, scores: np.ndarray, image: Image) -> Ellipses:
        """Build the prediction from ellipses (k, 6) in pixels of the image."""
        return Ellipses(image, self.config.classes, rows, scores, self._measure(rows, image))

    def _measure(self, rows: np.ndarray, image: Image) -> dict[str, float]:
        return measure(rows, self.config.classes, image.spacing_mm, self.config.ap_axis)


def white_level(array: np.ndarray) -> float:
    """Return the intensity that counts as white: 255, or the largest one beyond it; 1 when all lie within 0..1."""
    top = float(array.max(initial=0))
    return 1.0 if top <= 1 else max(top, 255.0)
