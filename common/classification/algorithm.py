"""What every classifier shares: labels, probabilities with a threshold, scores, the choice of that threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from scipy.special import expit, logit

from zoo.common.algorithm import Algorithm
from zoo.common.answers.classification import Classification
from zoo.common.answers.prediction import Prediction
from zoo.common.errors import ConfigError, InputError
from zoo.common.metrics.classification import best_threshold, summarise_probabilities
from zoo.common.types import Arrays, Case, Row, Sample

DIGITS = 6  # of a threshold that people copy
SURE = 30.0  # logit of a network without doubt; beyond what any threshold takes away


class ClassificationConfig(Protocol):
    """What a classifier's configuration has."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the labels."""

    @property
    def threshold(self) -> float:
        """Of two classes, the second is named from this probability of the network on."""

    @property
    def class_weights(self) -> tuple[float, ...]:
        """Weights of the loss, one per class; () weighs them alike."""


K = TypeVar("K", bound=ClassificationConfig)


class ClassificationAlgorithm(Algorithm[K]):
    """Name one class per image; networks derived from it put out `logits` (k,)."""

    task = "classification"
    labels: ClassVar[tuple[str, ...]] = ("label",)
    answer_type: ClassVar[type[Prediction]] = Classification
    monitor = "roc_auc"
    of_classes: ClassVar[tuple[str, ...]] = ("threshold", "class_weights")

    def __init__(self, config: K) -> None:
        super().__init__(config)
        k = len(config.classes)
        if k < 2 or len(set(config.classes)) < k:
            raise ConfigError(f"classes={config.classes} given; expected at least two, all different")
        if config.class_weights and len(config.class_weights) != k:
            raise ConfigError(f"{len(config.class_weights)} class_weights given; expected {k}, one per class, or none")
        if not 0 < config.threshold < 1 or (k > 2 and config.threshold != 0.5):
            raise ConfigError(f"threshold={config.threshold} given; expected 0..1, and 0.5 for more than two classes")

    def targets(self, sample: Sample) -> Arrays:
        label = int(sample.labels["label"])
        if not 0 <= label < len(self.config.classes):
            raise InputError(f"{sample.image.name}: label {label}; expected 0..{len(self.config.classes) - 1}")
        return {"label": np.array(label, np.int64)}

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return the softmax (k,), moved so that the largest one names the class that the threshold asks for."""
        moved = np.array(logits, np.float64)
        moved[-1] -= logit(self.config.threshold)  # a threshold is a prior
        odds = np.exp(moved - moved.max())
        return np.asarray(odds / odds.sum())

    def perfect_outputs(self, sample: Sample) -> Arrays:
        return {"logits": np.where(np.arange(len(self.config.classes)) == sample.labels["label"], SURE, -SURE)}

    def score(self, prediction: Prediction, sample: Sample) -> Case:
        if not isinstance(prediction, Classification):
            raise TypeError(f"{type(prediction).__name__} given; expected Classification")
        row: Row = {"name": sample.image.name, "group": sample.group, "label": float(sample.labels["label"])}
        for name, probability in zip(prediction.classes, prediction.probabilities, strict=True):
            row[f"p_{name}"] = float(probability)
        return Case({**row, "correct": float(prediction.probabilities.argmax() == row["label"])})

    def summarise(self, cases: Sequence[Case]) -> dict[str, float]:
        return summarise_probabilities([case.row for case in cases])

    def quality(self, case: Case) -> float:
        return float(case.row[f"p_{self.config.classes[int(case.row['label'])]}"])

    def why_undefined(self, cases: Sequence[Case]) -> str:
        counts = np.bincount([int(case.row["label"]) for case in cases], minlength=len(self.config.classes))
        told = ", ".join(f"{count} of {name}" for name, count in zip(self.config.classes, counts, strict=True))
        return f"{self.monitor} needs cases of at least two classes; there are {told}"

    def option_at(self, told: float) -> str:
        """Return the threshold that calls the last of two classes from a told probability on.

        Told probabilities are moved by the present threshold, so that their own border is always 0.5. Rounded down, so
        that what has just this probability stays on its side.
        """
        if len(self.config.classes) != 2 or "threshold" not in self.prediction_options or not 0 < told < 1:
            return ""
        threshold = float(expit(logit(told) + logit(self.config.threshold)))
        step = 10.0 ** (np.floor(np.log10(threshold)) - DIGITS)
        lower = float(np.floor(threshold / step - 0.5) * step)
        return f"threshold={lower:.{DIGITS + 1}g}" if 0 < lower < 1 else ""

    def operating_point(self, cases: Sequence[Case]) -> dict[str, Any]:
        """Put the threshold where most validation cases are right; the share of each class differs between sources."""
        if len(self.config.classes) != 2:
            return {}
        rows = [case.row for case in cases]
        labels = np.array([row["label"] for row in rows], np.int64)
        if len(np.unique(labels)) < 2:  # nothing to weigh against each other
            return {}
        found = best_threshold(labels, np.array([row[f"p_{self.config.classes[1]}"] for row in rows], np.float64))
        # the rows are already moved by the present threshold
        threshold = expit(logit(found) + logit(self.config.threshold))
        return {"threshold": round(float(np.clip(threshold, 1e-4, 1 - 1e-4)), 4)}
