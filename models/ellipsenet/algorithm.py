"""EllipseNet: finds structures in fetal ultrasound as rotated ellipses around detected centres (Chen et al. 2021)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from zoo.common import ellipses as geometry
from zoo.common.algorithm import Algorithm
from zoo.common.errors import DataError, InputError
from zoo.common.predictions import Ellipses, Prediction
from zoo.common.transforms import invert_affine, letterbox, to_channels
from zoo.common.types import Arrays, Image, Row, Sample

from .augment import augment
from .baseline import MedianEllipses
from .config import Config
from .initialise import initialise
from .measurements import measure
from .scoring import score_ellipses, score_measurements, summarise
from .simulator import draw_head, draw_heart_view
from .targets import decode, encode


class EllipseNet(Algorithm[Config]):
    """One ellipse per class, with head sizes or heart ratios measured on them."""

    task = "ellipse-detection"
    monitor = "dice"

    @property
    def head(self) -> tuple[str, ...]:
        return tuple(f"heads.{name}.2." for name in self.config.outputs)

    def preprocess(self, image: Image) -> Arrays:
        if image.array.ndim != 3:
            raise InputError(f"{image.name}: {image.array.ndim} axes; EllipseNet expects a picture (c, h, w)")
        boxed, _ = letterbox(to_channels(image.array, self.config.input_channels), self.config.input_size)
        scaled = boxed / white_level(image.array)
        return {"image": ((scaled - self.config.mean) / self.config.std).astype(np.float32)}

    def targets(self, sample: Sample) -> Arrays:
        rows = np.asarray(sample.labels["ellipses"], np.float64).reshape(-1, 6)
        classes = self.config.classes
        if rows.size and not (rows[:, 0].min() >= 0 and rows[:, 0].max() < len(classes)):
            raise DataError(f"{sample.image.name}: classes {rows[:, 0]}; expected indices into {classes}")
        return encode(geometry.transform(rows, invert_affine(self._back(sample.image))), self.config)

    def postprocess(self, outputs: Arrays, image: Image) -> Ellipses:
        rows, scores = decode(outputs, self.config)
        return self._answer(geometry.transform(rows, self._back(image)), scores, image)

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return augment(sample, self.config.input_size, rng)

    def score(self, prediction: Prediction, sample: Sample) -> Row:
        assert isinstance(prediction, Ellipses)
        truth = geometry.canonical(sample.labels["ellipses"])
        # the truth is measured by the same rules, so that only the ellipses differ
        measured = self._answer(truth, np.ones(len(truth)), sample.image).measurements
        return {
            "name": sample.image.name,
            "group": sample.group,
            **score_ellipses(prediction.ellipses, truth, self.config.classes),
            **score_measurements(prediction.measurements, measured),
        }

    def summarise(self, rows: Sequence[Row]) -> dict[str, float]:
        return summarise(rows)

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        median = MedianEllipses.fit(training, len(self.config.classes))

        def predict(image: Image) -> Ellipses:
            rows = median.ellipses(image)
            return self._answer(rows, median.frequency[rows[:, 0].astype(int)], image)

        return predict

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        size = (config.input_size[0] * 5 // 4, config.input_size[1] * 5 // 4 + 6)
        return draw_heart_view(size, rng) if config.preset == "fetal_heart" else draw_head(size, rng)

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return initialise(name, shape, rng, self.config.input_size)

    def _back(self, image: Image) -> np.ndarray:
        """Return the map from the network's input to the image."""
        return letterbox(np.zeros((1, *image.size), np.float32), self.config.input_size)[1]

    def _answer(self, rows: np.ndarray, scores: np.ndarray, image: Image) -> Ellipses:
        measurements = measure(rows, self.config.classes, image.spacing_mm, self.config.ap_axis)
        return Ellipses(image, self.config.classes, rows, scores, measurements)


def white_level(array: np.ndarray) -> float:
    """Return the intensity that counts as white: 255, or the largest one beyond it; 1 when all lie within 0..1."""
    top = float(array.max(initial=0))
    return 1.0 if top <= 1 else max(top, 255.0)
