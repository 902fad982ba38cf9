"""Everything about Covid-ResNet but its network and its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import expit, logit

from zoo.common.algorithm import Algorithm
from zoo.common.errors import ConfigError, InputError
from zoo.common.metrics.classification import best_threshold, summarise_classification
from zoo.common.predictions import Classification, Prediction
from zoo.common.transforms import centred_affine, compose_affine, jitter_intensity, resize, to_channels, warp_affine
from zoo.common.types import Arrays, Image, Row, Sample

from .config import Config
from .lung import BLACK, Box, lung_box

JITTER = (0.05, 0.08)  # brightness and contrast: how bright a lung is says much about it, so no more than a little

CROPS: dict[str, Callable[[np.ndarray], Box]] = {
    "lung": lung_box,
    "none": lambda array: Box(0, 0, array.shape[1], array.shape[2]),
}


class CovidResNet(Algorithm[Config]):
    """Classify one slice; say how probable each class is and where it was seen."""

    task = "classification"
    monitor = "roc_auc"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        k = len(config.classes)
        if config.crop not in CROPS:
            raise ConfigError(f"crop={config.crop!r} given; expected one of {', '.join(CROPS)}")
        if k < 2 or len(set(config.classes)) < k:
            raise ConfigError(f"classes={config.classes} given; expected at least two, all different")
        if config.class_weights and len(config.class_weights) != k:
            raise ConfigError(f"{len(config.class_weights)} class_weights given; expected {k}, one per class, or none")
        if not 0 < config.threshold < 1 or (k > 2 and config.threshold != 0.5):
            raise ConfigError(f"threshold={config.threshold} given; expected 0..1, and 0.5 for more than two classes")
        for field in ("mean", "std"):
            if len(getattr(config, field)) not in (1, config.input_channels):
                raise ConfigError(f"{field} has {len(getattr(config, field))} values; expected 1 or one per channel")

    @property
    def head(self) -> tuple[str, ...]:
        return ("fc.",)

    def preprocess(self, image: Image) -> Arrays:
        array = self._crop(self._checked(image))
        pixels = resize(to_channels(array, self.config.input_channels), self.config.input_size) / 255
        mean, std = (
            np.reshape(values, (-1, 1, 1)).astype(np.float32) for values in (self.config.mean, self.config.std)
        )
        return {"image": (pixels - mean) / std}

    def targets(self, sample: Sample) -> Arrays:
        label = int(sample.labels["label"])
        if not 0 <= label < len(self.config.classes):
            raise InputError(f"{sample.image.name}: label {label}; expected 0..{len(self.config.classes) - 1}")
        return {"label": np.array(label, np.int64)}

    def postprocess(self, outputs: Arrays, image: Image) -> Prediction:
        logits = np.array(outputs["logits"], np.float64)
        # a threshold is a prior: moving it into the logits lets the largest probability name the class
        logits[-1] -= logit(self.config.threshold)
        odds = np.exp(logits - logits.max())
        heat_map = self._heat_map(np.asarray(outputs["cam"], np.float32), logits, image)
        return Classification(image, self.config.classes, odds / odds.sum(), heat_map)

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Mirror, turn up to 15 degrees, scale and shift up to 8 %, stretch up to 8 %, change the light a little."""
        size = sample.image.size
        matrix = centred_affine(
            size,
            angle_rad=np.deg2rad(rng.uniform(-15, 15)),
            scale=rng.uniform(0.92, 1.08),
            shift_px=tuple(rng.uniform(-0.08, 0.08, 2) * size[::-1]),
            flip=bool(rng.random() < 0.5),
        )
        stretch = rng.uniform(0.92, 1.08)  # the lung crop undoes shift and scale, but not this
        matrix = compose_affine(matrix, _stretched(size, stretch))
        bright = jitter_intensity(sample.image.array, rng, *JITTER)
        # what was black stays black: the lung crop looks for it
        bright = np.where(sample.image.array > BLACK, np.clip(bright, BLACK + 1, 255), sample.image.array)
        return replace(sample, image=replace(sample.image, array=warp_affine(bright, matrix, size)))

    def score(self, prediction: Prediction, sample: Sample) -> Row:
        if not isinstance(prediction, Classification):
            raise TypeError(f"{type(prediction).__name__} given; expected Classification")
        row: Row = {"name": sample.image.name, "group": sample.group, "label": float(sample.labels["label"])}
        for name, probability in zip(prediction.classes, prediction.probabilities, strict=True):
            row[f"p_{name}"] = float(probability)
        return row

    def summarise(self, rows: Sequence[Row]) -> dict[str, float]:
        labels = np.array([row["label"] for row in rows], np.int64)
        probabilities = np.array([[row[f"p_{name}"] for name in self.config.classes] for row in rows], np.float64)
        return summarise_classification(labels, probabilities)

    def operating_point(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Put the threshold where most validation cases are right; the share of lesions differs between sources."""
        if len(self.config.classes) != 2:
            return {}
        labels = np.array([row["label"] for row in rows], np.int64)
        found = best_threshold(labels, np.array([row[f"p_{self.config.classes[1]}"] for row in rows], np.float64))
        # the rows are already moved by the present threshold
        threshold = expit(logit(found) + logit(self.config.threshold))
        return {"threshold": round(float(np.clip(threshold, 1e-4, 1 - 1e-4)), 4)}

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Classify by the mean brightness of what is not black: one normal distribution per class (Bayes' rule)."""
        pairs = [(int(sample.labels["label"]), _brightness(sample.image)) for sample in training]
        labels, values = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
        k = len(self.config.classes)
        counts = np.bincount(labels, minlength=k)
        means = np.array([values[labels == c].mean() if counts[c] else 0.0 for c in range(k)])
        deviations = np.array([values[labels == c].std() + 1.0 if counts[c] else 1.0 for c in range(k)])
        priors = (counts + 1) / (counts.sum() + k)

        def predict(image: Image) -> Prediction:
            distance = (_brightness(image) - means) / deviations
            density = priors / deviations * np.exp(-0.5 * (distance**2 - (distance**2).min()))
            return Classification(image, self.config.classes, density / density.sum())

        return predict

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        """Draw two grey lungs on black, with as many bright spots in each as the label says."""
        h, w = (2 * side for side in config.input_size)
        rows, columns = np.mgrid[:h, :w] / np.reshape([h, w], (2, 1, 1))
        label = int(rng.integers(len(config.classes)))
        picture = np.zeros((h, w))
        for x in (0.3, 0.7):
            lung = ((columns - x) / 0.14) ** 2 + ((rows - 0.5) / 0.25) ** 2 < 1
            texture = 60 + 12 * rng.standard_normal((h, w))
            for _ in range(label):
                angle = rng.uniform(0, 2 * np.pi)
                distance = (columns - x - 0.07 * np.cos(angle)) ** 2 + (rows - 0.5 - 0.13 * np.sin(angle)) ** 2
                texture += 130 * np.exp(-distance / (2 * 0.04**2))
            picture = np.where(lung, texture.clip(BLACK + 1, 255), picture)
        name = f"example-{config.classes[label]}"
        image = Image(picture[None].astype(np.float32), name=name)
        return Sample(image, {"label": np.array(label, np.int64)}, group=name)

    def _checked(self, image: Image) -> np.ndarray:
        if image.array.ndim != 3:
            raise InputError(f"{image.name}: {image.array.ndim} axes; Covid-ResNet expects one slice, (c, h, w)")
        low, high = float(image.array.min()), float(image.array.max())
        if low < 0 or high > 255:
            raise InputError(
                f"{image.name}: intensities {low:g}..{high:g}; expected 0..255. Window a CT slice to 8 bit first"
            )
        return image.array

    def _crop(self, array: np.ndarray) -> np.ndarray:
        box = CROPS[self.config.crop](array)
        return array[:, box.top : box.bottom, box.left : box.right]

    def _heat_map(self, cam: np.ndarray, logits: np.ndarray, image: Image) -> np.ndarray:
        """Spread the evidence for the named class over the image, 0..1; zero outside the crop."""
        named = int(logits.argmax())
        # only differences of logits matter, so the evidence is measured against the mean of the other classes
        evidence = cam[named] - np.delete(cam, named, axis=0).mean(0)
        box = CROPS[self.config.crop](image.array)
        inside = resize(np.maximum(evidence, 0)[None], (box.bottom - box.top, box.right - box.left))[0].clip(0)
        heat_map = np.zeros(image.size, np.float32)
        heat_map[box.top : box.bottom, box.left : box.right] = inside / max(float(inside.max()), 1e-12)
        return heat_map


def _brightness(image: Image) -> float:
    grey = to_channels(image.array, 1)
    return float(grey[grey > BLACK].mean()) if (grey > BLACK).any() else 0.0


def _stretched(size: tuple[int, ...], factor: float) -> np.ndarray:
    """Return the map that makes a picture wider by `factor` and flatter by the same, about its centre."""
    diagonal = np.array([factor, 1 / factor])
    centre = (np.array(size[::-1], float) - 1) / 2
    return np.column_stack([np.diag(diagonal), centre * (1 - diagonal)])
