"""An operating point chosen on one split, such as a sensitivity of 95 % on validation, and what it gives on another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.common.errors import ConfigError
from zoo.common.metrics.class_scores import RANKED, Answers, answers_of, check_share, class_rows, threshold_at
from zoo.common.types import Row


@dataclass(frozen=True)
class Wanted:
    """What an operating point has to reach: the share `least` of `of`, sensitivity or specificity."""

    of: str
    least: float

    def __post_init__(self) -> None:
        check_share(self.least, self.of)

    def __str__(self) -> str:
        return f"{self.of} >= {self.least:g}"


def wanted(at_sensitivity: float | None, at_specificity: float | None) -> Wanted | None:
    """Return what is asked for, None for nothing; ConfigError for both."""
    if at_sensitivity is not None and at_specificity is not None:
        raise ConfigError("at_sensitivity and at_specificity given; expected one of them. Evaluate twice for both")
    if at_sensitivity is not None:
        return Wanted("sensitivity", float(at_sensitivity))
    return None if at_specificity is None else Wanted("specificity", float(at_specificity))


def operating_points(
    chosen_on: Sequence[Row], shown_on: Sequence[Row], aim: Wanted, splits: tuple[str, str]
) -> list[Row]:
    """Choose a threshold per class on the rows of one split, and score it there and on the other.

    Rows of class, rule, threshold, split, metric, value, low, high. A class is called from its threshold on, whatever
    the other classes say; thresholds are probabilities as the model tells them. The intervals are those of a threshold
    that was given beforehand, as it is for the second split.
    """
    first, second = answers_of(chosen_on), answers_of(shown_on)
    if first is None or second is None:
        raise ConfigError(f"an operating point at {aim} was asked for; only answers with classes have one")
    out: list[Row] = []
    thresholds = np.full(len(first.classes), np.inf)
    for c in first.positives:
        truth = first.labels == c
        thresholds[c] = threshold_at(truth, first.probabilities[:, c], least=aim.least, of=aim.of)
    for answers, split in ((first, splits[0]), (second, splits[1])):
        out += _scored(answers, thresholds, split, f"{aim} on {splits[0]} ({len(first.labels)} cases)")
    return out


def _scored(answers: Answers, thresholds: np.ndarray, split: str, rule: str) -> list[Row]:
    kept = {answers.classes[c]: thresholds[c] for c in answers.positives if not np.isnan(thresholds[c])}
    called = answers.probabilities >= thresholds
    return [
        {"class": name, "rule": rule, "threshold": float(kept[name]), "split": split, **row}
        for row in class_rows(answers, called)
        if (name := str(row["class"])) in kept and row["metric"] not in RANKED
    ]
