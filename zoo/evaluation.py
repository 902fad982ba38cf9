"""Score a model on labelled cases: per-case rows, the task's metrics with intervals, the trivial baseline."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.answers.prediction import Prediction
from zoo.common.batches import entering
from zoo.common.datasets.unknown import fitted_to_masks
from zoo.common.errors import ConfigError, ScopeWarning
from zoo.common.files.output_folder import OutputFolder
from zoo.common.metrics.bootstrap import bootstrap_draws
from zoo.common.metrics.cases import TOLD, count_missed, score_columns
from zoo.common.metrics.class_curves import class_curves
from zoo.common.metrics.class_scores import answers_of, class_rows, intervals_of_metrics
from zoo.common.metrics.curves import Curve
from zoo.common.tables import data_frame
from zoo.common.types import Arrays, Case, Image, Row, Sample
from zoo.comparison import compare_draws as compare_draws
from zoo.comparison import compare_rows as compare_rows
from zoo.comparison import read_cases as read_cases
from zoo.comparison import read_results as read_results
from zoo.engines.engine import Engine
from zoo.prediction.passes import chunks, predict_batch, prepare
from zoo.prediction.scope import Scope
from zoo.report.files import OWN, write_evaluation
from zoo.report.pictures import Shown
from zoo.report.subgroups import Subgroups, divide, named_subgroups

if TYPE_CHECKING:
    from pandas import DataFrame

Interval = tuple[float, float]
SHOWN = 4  # metrics in a repr
NAN = float("nan")


@dataclass(frozen=True)
class Evaluation:
    """The scores of one model on one split.

    rows: one per case. metrics: the task's summary. intervals: bootstrap 95 % intervals over groups (patients).
    baseline: the same summary for the trivial predictor fitted on the training split; empty when not asked for.
    out_of_scope: how many images are unlike those that the model was trained on.
    curves: such as FROC, where the task has some. draws: what lies behind the intervals, each metric's values in equal
    draws of patients, so that two models on the same cases are compared draw by draw.
    classes: of classifiers, every score of each class against the rest. points: the same at a chosen operating point.
    subgroups: the metrics per subgroup, by the column that divides them. pictures: the best and worst cases.
    about: model, data, versions and date, in words for the report.
    """

    rows: list[Row]
    metrics: dict[str, float]
    intervals: dict[str, Interval] = field(default_factory=dict)
    baseline: dict[str, float] = field(default_factory=dict)
    out_of_scope: int = 0
    curves: dict[str, Curve] = field(default_factory=dict)
    draws: dict[str, np.ndarray] = field(default_factory=dict)
    classes: list[Row] = field(default_factory=list)
    points: list[Row] = field(default_factory=list)
    subgroups: dict[str, Subgroups] = field(default_factory=dict)
    pictures: list[Shown] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)

    def table(self) -> list[Row]:
        """Return a row per metric: value, interval, baseline and, for means over cases, on how many they rest.

        used, undefined: cases with and without this score. missed: how often its class was there and not found; such a
        case is used, at the worst value.
        """
        columns = score_columns(self.rows)
        out: list[Row] = []
        for name, value in self.metrics.items():
            low, high = self.intervals.get(name, (NAN, NAN))
            row: Row = {"metric": name, "value": value, "low": low, "high": high}
            if name in self.baseline:
                row["baseline"] = self.baseline[name]
            if name in columns and name != "missed":
                values = np.array(columns[name])
                used = values[~np.isnan(values)]
                row |= {"median": float(np.median(used)) if len(used) else NAN}
                row |= {"used": len(used), "undefined": len(values) - len(used), "missed": count_missed(columns, name)}
            out.append(row)
        return out

    def compare(self, other: Evaluation) -> list[Row]:
        """Compare with another model on the same cases, see `compare_rows`; also metrics of all cases together."""
        rows = compare_rows(self.rows, other.rows)
        known = {str(row["metric"]) for row in rows}
        return [row for row in compare_draws(self, other) if row["metric"] not in known] + rows

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        counts = ("used", "undefined", "missed")
        return {
            "cases": len(self.rows),
            "out_of_scope": self.out_of_scope,
            "metrics": self.metrics,
            "intervals_95": {name: list(bounds) for name, bounds in self.intervals.items()},
            "baseline": self.baseline,
            "counts": {
                row["metric"]: {name: int(row[name]) for name in counts} for row in self.table() if "used" in row
            },
            "classes": self.classes,
            "operating_points": self.points,
            "subgroups": {by: part.rows for by, part in self.subgroups.items()},
            "subgroup_differences": {by: part.differences for by, part in self.subgroups.items()},
            "about": self.about,
        }

    def to_dataframe(self, of: str = "cases") -> DataFrame:
        """Return a table of pandas, which has to be installed: a row per case, per metric or per class and score.

        of: cases, metrics or classes.
        """
        tables = {"cases": self.rows, "metrics": self.table(), "classes": self.classes}
        if of not in tables:
            raise ConfigError(f"of={of!r} given; expected one of {', '.join(tables)}")
        return data_frame(tables[of])

    def _repr_html_(self) -> str:
        """Show the scores in notebooks."""
        from zoo.notebook import evaluation_html

        return evaluation_html(self)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
        """Write cases.csv, summary.csv, summary.json, report.html, and every other table and picture that there is.

        overwrite: replace what an earlier evaluation wrote there; nothing else is ever replaced.
        """
        return self.write(open_results(folder, overwrite=overwrite))

    def write(self, output: OutputFolder) -> list[Path]:
        """Write the files of `save` into a folder that was opened before the work began."""
        return write_evaluation(self, output)

    def __repr__(self) -> str:
        metrics = ", ".join(f"{name} {value:.4g}" for name, value in list(self.metrics.items())[:SHOWN])
        more = f" and {len(self.metrics) - SHOWN} more" if len(self.metrics) > SHOWN else ""
        return f"<Evaluation of {len(self.rows)} cases: {metrics}{more}>"


def open_results(folder: str | Path, *, overwrite: bool = False) -> OutputFolder:
    """Open a folder for an evaluation; OutputError when files are in the way."""
    return OutputFolder(folder, OWN, overwrite=overwrite)


def score_all(
    algorithm: Algorithm[Any],
    engine: Engine,
    samples: Iterable[Sample],
    batch_size: int,
    advance: Callable[[int], object] = lambda count: None,
    tta: bool = False,
    hear: Callable[[Arrays, Sequence[Sample]], object] = lambda outputs, batch: None,
) -> list[Case]:
    """Predict and score every sample, holding one batch at a time; `advance` hears how many are done.

    hear: gets the outputs of each batch that went through the network together, and its samples.
    """
    cases = []
    for batch in chunks(_entering(algorithm, samples), batch_size):
        inputs = [prepare(algorithm, sample.image) for sample in batch]
        predictions = predict_batch(algorithm, engine, inputs, tta=tta, hear=partial(_hear, hear, batch))
        cases += [algorithm.score(p, s) for p, s in zip(predictions, batch, strict=True)]
        advance(len(batch))
    return cases


def _entering(algorithm: Algorithm[Any], samples: Iterable[Sample]) -> Iterator[Sample]:
    for sample in samples:
        algorithm.check_labelled(sample.image, trains=False)
        yield entering(algorithm, sample)


def _hear(hear: Callable[[Arrays, Sequence[Sample]], object], batch: Sequence[Sample], outputs: Arrays) -> None:
    hear(outputs, batch)


def evaluate(
    algorithm: Algorithm[Any],
    engine: Engine,
    samples: Sequence[Sample],
    groups: Sequence[str],
    batch_size: int,
    advance: Callable[[int], object] = lambda count: None,
    scope: Scope | None = None,
    tta: bool = False,
    by: Mapping[str, Sequence[str]] | None = None,
    hear: Callable[[Sequence[Case]], object] = lambda cases: None,
) -> Evaluation:
    """Score every sample and add bootstrap intervals over the groups; count what is out of scope, with one warning.

    by: what divides the cases, a text per case for each column. hear: gets the scored cases.
    """
    outside: dict[str, tuple[str, ...]] = {}
    judged = samples if scope is None else _judged(samples, scope, outside)
    cases = score_all(algorithm, engine, judged, batch_size, advance, tta)
    if outside:
        name, reasons = next(iter(outside.items()))
        first = f"such as {name}: {'; '.join(reasons)}"
        warnings.warn(f"{len(outside)} of {len(cases)} images are out of scope, {first}", ScopeWarning, stacklevel=3)
    hear(cases)
    by = by or {}
    rows = [{**case.row, **{TOLD + name: values[i] for name, values in by.items()}} for i, case in enumerate(cases)]
    subgroups = {name: _divided(algorithm, name, values, cases, groups) for name, values in by.items()}
    return replace(_summarised(algorithm, cases, groups), rows=rows, subgroups=subgroups, out_of_scope=len(outside))


def _summarised(algorithm: Algorithm[Any], cases: Sequence[Case], groups: Sequence[str]) -> Evaluation:
    rng, weighed = np.random.default_rng(0), algorithm.weighed(cases)
    draws = bootstrap_draws(cases, algorithm.summarise, groups, rng, weighed=weighed)
    metrics, rows, curves = algorithm.summarise(cases), [case.row for case in cases], algorithm.curves(cases)
    classes: list[Row] = []
    if (answers := answers_of(rows, groups)) is not None:
        classes = class_rows(answers)
        curves = {**class_curves(answers, classes), **curves}
    intervals = intervals_of_metrics(rows, groups, metrics, draws)
    return Evaluation(rows, metrics, intervals, curves=curves, draws=draws, classes=classes)


def _divided(
    algorithm: Algorithm[Any], by: str, values: Sequence[str], cases: Sequence[Case], groups: Sequence[str]
) -> Subgroups:
    return divide(by, named_subgroups(values, by), cases, groups, algorithm.summarise, algorithm.weighed)


def _judged(samples: Iterable[Sample], scope: Scope, outside: dict[str, tuple[str, ...]]) -> Iterator[Sample]:
    """Pass samples on, and note those that are out of scope; InputError for those that the model cannot mean."""
    for number, sample in enumerate(samples):
        scope.check(sample.image)
        if reasons := scope.reasons(sample.image):
            key = sample.image.name
            outside[key if key not in outside else f"{key} ({number + 1})"] = reasons
        yield sample


def score_baseline(
    algorithm: Algorithm[Any], training: Sequence[Sample], samples: Sequence[Sample]
) -> dict[str, float]:
    """Summarise the trivial predictor, fitted on the training split."""

    def fit(samples: Iterable[Sample]) -> Callable[[Image], Prediction]:
        return algorithm.baseline(entering(algorithm, sample) for sample in samples)

    predict = fitted_to_masks(fit, training) if algorithm.labels == ("mask",) else fit(training)
    seen = (entering(algorithm, sample) for sample in samples)
    return algorithm.summarise([algorithm.score(predict(sample.image), sample) for sample in seen])
