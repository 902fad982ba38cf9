"""Score a model on labelled cases: per-case rows, the task's metrics with intervals, the trivial baseline."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.metrics.bootstrap import bootstrap_interval
from zoo.common.predictions import Prediction
from zoo.common.types import Image, Row, Sample
from zoo.engine import Engine
from zoo.inference import chunks, predict_batch, prepare

Interval = tuple[float, float]


@dataclass(frozen=True)
class Evaluation:
    """The scores of one model on one split.

    rows: one per case. metrics: the task's summary. intervals: bootstrap 95 % intervals over groups (patients).
    baseline: the same summary for the trivial predictor fitted on the training split; empty when not asked for.
    """

    rows: list[Row]
    metrics: dict[str, float]
    intervals: dict[str, Interval] = field(default_factory=dict)
    baseline: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {
            "cases": len(self.rows),
            "metrics": self.metrics,
            "intervals_95": {name: list(bounds) for name, bounds in self.intervals.items()},
            "baseline": self.baseline,
        }

    def save(self, folder: str | Path) -> None:
        """Write cases.csv and summary.json."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        with (folder / "cases.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self.rows)
        (folder / "summary.json").write_text(json.dumps(self.to_dict(), indent=2) + "\n")


def score_all(
    algorithm: Algorithm[Any],
    engine: Engine,
    samples: Sequence[Sample],
    batch_size: int,
    advance: Callable[[int], object] = lambda count: None,
) -> list[Row]:
    """Predict and score every sample, holding one batch at a time; `advance` hears how many are done."""
    rows = []
    for batch in chunks(samples, batch_size):
        predictions = predict_batch(algorithm, engine, [prepare(algorithm, sample.image) for sample in batch])
        rows += [algorithm.score(p, s) for p, s in zip(predictions, batch, strict=True)]
        advance(len(batch))
    return rows


def evaluate(
    algorithm: Algorithm[Any],
    engine: Engine,
    samples: Sequence[Sample],
    groups: Sequence[str],
    batch_size: int,
    advance: Callable[[int], object] = lambda count: None,
) -> Evaluation:
    """Score every sample and add bootstrap intervals over the groups."""
    rows = score_all(algorithm, engine, samples, batch_size, advance)
    intervals = bootstrap_interval(rows, algorithm.summarise, groups, np.random.default_rng(0))
    return Evaluation(rows, algorithm.summarise(rows), intervals)


def score_baseline(
    algorithm: Algorithm[Any], training: Sequence[Sample], samples: Sequence[Sample]
) -> dict[str, float]:
    """Summarise the trivial predictor, fitted on the training split."""
    predict: Callable[[Image], Prediction] = algorithm.baseline(training)
    return algorithm.summarise([algorithm.score(predict(sample.image), sample) for sample in samples])
