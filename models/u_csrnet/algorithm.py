"""Everything about U-CSRNet but its network and its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, logit

from zoo.common.algorithm import Algorithm
from zoo.common.answers.points import Points
from zoo.common.answers.prediction import Prediction
from zoo.common.augment.options import Augmentation
from zoo.common.errors import ConfigError, InputError
from zoo.common.initialise import initial_value
from zoo.common.points.baseline import fit_stain_finder
from zoo.common.points.bells import draw_bells
from zoo.common.points.peaks import find_peaks
from zoo.common.points.scores import THRESHOLDS, best_threshold, points_of, score_points_of, summarise_points
from zoo.common.transforms.pictures import to_channels
from zoo.common.tta import View, flips
from zoo.common.types import Arrays, Case, Image, Sample

from .augment import TileAugmentation, augment
from .config import STRIDE, Config
from .example import draw_tile

LOSSES = ("wmse", "mse", "focal")
NORMAL = 0.01  # deviation of first values behind the front end (Li et al. 2018, section 3.2)
LEAST = 1e-4  # probability of a perfect output
PX_PER_CELL = 700  # of a synthetic tile


class UCSRNet(Algorithm[Config]):
    """Find cells of several classes in a tile (c, h, w) of intensities 0..255, of any size, window by window."""

    task = "point-detection"
    labels: ClassVar[tuple[str, ...]] = ("points",)
    answer_type: ClassVar[type[Prediction]] = Points
    monitor = "best_f1"
    augmentation: Augmentation = TileAugmentation()
    of_classes: ClassVar[tuple[str, ...]] = ("threshold",)
    dense_output = "logits"
    prediction_options: ClassVar[tuple[str, ...]] = ("threshold", "distance_px")

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if not config.classes or len(set(config.classes)) < len(config.classes):
            raise ConfigError(f"classes={config.classes} given; expected at least one, all different")
        if config.norm not in ("batch", "none") or config.loss not in LOSSES:
            raise ConfigError(
                f"norm={config.norm!r}, loss={config.loss!r} given; expected batch or none, and {', '.join(LOSSES)}"
            )
        for name in ("input_size", "window_size"):
            if any(side < STRIDE or side % STRIDE for side in getattr(config, name)):
                raise ConfigError(f"{name}={getattr(config, name)} given; expected multiples of {STRIDE}")
        if not 0 < config.threshold <= 1 or config.distance_px < 0 or config.sigma_px <= 0:
            raise ConfigError(
                f"threshold={config.threshold}, distance_px={config.distance_px}, sigma_px={config.sigma_px} given; "
                "expected 0..1, 0 or more, more than 0"
            )

    @property
    def head(self) -> tuple[str, ...]:
        return ("head.",)

    @property
    def window(self) -> tuple[int, ...]:
        return self.config.window_size

    @property
    def tiling(self) -> tuple[float, str]:
        return self.config.overlap, "gaussian"

    @property
    def views(self) -> tuple[View, ...]:
        """Mirror and turn by half: tissue has no up."""
        return tuple(flips(2))

    def keep(self, scores: np.ndarray) -> np.ndarray:
        """Turn finished logits into probabilities of two bytes each; a slide region has millions."""
        return expit(scores).astype(np.float16)

    def preprocess(self, image: Image) -> Arrays:
        if image.array.ndim != 3:
            raise InputError(f"{image.name}: {image.array.ndim} axes; U-CSRNet expects a picture (c, h, w)")
        mean, std = (
            np.broadcast_to(np.array(values, np.float32), self.config.input_channels).reshape(-1, 1, 1)
            for values in (self.config.mean, self.config.std)
        )
        array = np.multiply(to_channels(image.array, self.config.input_channels), 1 / 255, dtype=np.float32)
        array -= mean  # in place: a slide region is 300 MB
        array /= std
        return {"image": array}

    def targets(self, sample: Sample) -> Arrays:
        points = points_of(sample, len(self.config.classes))
        return {"heat": draw_bells(points, sample.image.size, len(self.config.classes), self.config.sigma_px)}

    def postprocess(self, outputs: Arrays, image: Image) -> Points:
        """Find the peaks of the probabilities that keep() left."""
        lowest = min(float(THRESHOLDS[0]), self.config.threshold)
        peaks = find_peaks(outputs["logits"], self.config.peak_radius_px, self.config.distance_px, lowest)
        return self._answer(image, peaks, self.config.threshold)

    def perfect_outputs(self, sample: Sample) -> Arrays:
        """Draw the bells that training aims at."""
        return {"logits": logit(np.clip(self.targets(sample)["heat"], LEAST, 1 - LEAST))}

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return augment(sample, self.config.input_size, self.options(TileAugmentation), rng)

    def score(self, prediction: Prediction, sample: Sample) -> Case:
        if not isinstance(prediction, Points):
            raise TypeError(f"{type(prediction).__name__} given; expected Points")
        return score_points_of(prediction, sample)

    def summarise(self, cases: Sequence[Case]) -> dict[str, float]:
        return summarise_points(cases, self.config.classes)

    def operating_point(self, cases: Sequence[Case]) -> dict[str, Any]:
        return best_threshold(cases)

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Separate the stains, smooth, take local maxima; the class by the share of brown."""
        find, least = fit_stain_finder(training, len(self.config.classes), self.config.distance_px)
        return lambda image: self._answer(image, find(image), least)

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        h, w = config.input_size
        return draw_tile((h, w), len(config.classes), config.input_channels, max(3, h * w // PX_PER_CELL), rng)

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Transposed convolutions double by bilinear interpolation; the rest as published, He-normal with norms."""
        if name.startswith("up.") and len(shape) == 4:
            return bilinear_kernel(shape)
        if len(shape) == 4 and self.config.norm == "none" and not name.startswith("features."):
            return rng.normal(0, NORMAL, shape)
        return initial_value(name, shape, rng)

    def _answer(self, image: Image, candidates: np.ndarray, threshold: float) -> Points:
        config = self.config
        return Points(image, config.classes, candidates, threshold, config.index_class, config.index_name)


def bilinear_kernel(shape: tuple[int, ...]) -> np.ndarray:
    """Return a kernel (c, c, k, k) that doubles each channel by itself, as bilinear interpolation does."""
    side = shape[-1]
    profile = 1 - np.abs(np.arange(side) - (side - 1) / 2) / (side / 2)
    kernel = np.zeros(shape, np.float32)
    kernel[np.arange(shape[0]), np.arange(shape[0])] = np.multiply.outer(profile, profile)
    return kernel
