"""Score a model on labelled cases: per-case rows, the task's metrics with intervals, the trivial baseline."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.answers.prediction import Prediction
from zoo.common.batches import entering
from zoo.common.datasets.texts import read_json
from zoo.common.errors import InputError, ScopeWarning
from zoo.common.files.output_folder import OutputFolder
from zoo.common.files.outputs import user_path
from zoo.common.metrics.bootstrap import bootstrap_draws, central
from zoo.common.metrics.cases import compare_columns, compare_pooled, count_missed, pair_rows, score_columns
from zoo.common.metrics.classification import summarise_probabilities
from zoo.common.metrics.curves import Curve, curve_rows, draw_curve
from zoo.common.tables import read_csv, write_csv
from zoo.common.types import Arrays, Case, Image, Row, Sample
from zoo.engines.engine import Engine
from zoo.prediction.file_names import FreePaths
from zoo.prediction.passes import chunks, predict_batch, prepare
from zoo.prediction.scope import Scope

Interval = tuple[float, float]
CASES = "cases.csv"
CURVES = "curves.csv"
PICTURES = ("boxes_*.png", "agreement_*.png", "curve_*.png")
SUMMARY, DRAWS = "summary.json", "draws.csv"
OWN = (CASES, "summary.csv", SUMMARY, DRAWS, CURVES, *PICTURES)  # what save() may write
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
    """

    rows: list[Row]
    metrics: dict[str, float]
    intervals: dict[str, Interval] = field(default_factory=dict)
    baseline: dict[str, float] = field(default_factory=dict)
    out_of_scope: int = 0
    curves: dict[str, Curve] = field(default_factory=dict)
    draws: dict[str, np.ndarray] = field(default_factory=dict)

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
        }

    def save(self, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
        """Write cases.csv, summary.csv, summary.json, draws.csv, curves.csv and a .png for each picture there is.

        overwrite: replace what an earlier evaluation wrote there; nothing else is ever replaced.
        """
        return self.write(open_results(folder, overwrite=overwrite))

    def write(self, output: OutputFolder) -> list[Path]:
        """Write the files of `save` into a folder that was opened before the work began."""
        from zoo.common.metrics.pictures import draw_cases

        paths = [
            output.write(CASES, lambda staged: write_csv(staged, self.rows)),
            output.write("summary.csv", lambda staged: write_csv(staged, self.table())),
            output.write_json(SUMMARY, self.to_dict()),
        ]
        if self.draws:
            drawn = [dict(zip(self.draws, values, strict=True)) for values in zip(*self.draws.values(), strict=True)]
            paths.append(output.write(DRAWS, lambda staged: write_csv(staged, drawn)))
        if self.curves:
            paths.append(output.write(CURVES, lambda staged: write_csv(staged, curve_rows(self.curves))))
        free = FreePaths(Path())
        curves = {f"curve_{name}": draw_curve(curve) for name, curve in self.curves.items()}
        for name, figure in {**draw_cases(self.rows), **curves}.items():
            picture = free.new(re.sub(r"[^\w-]+", "_", name)).as_posix()
            paths.append(output.write(picture, partial(figure.savefig, facecolor=figure.get_facecolor())))
        output.close()
        return paths

    def __repr__(self) -> str:
        metrics = ", ".join(f"{name} {value:.4g}" for name, value in list(self.metrics.items())[:SHOWN])
        more = f" and {len(self.metrics) - SHOWN} more" if len(self.metrics) > SHOWN else ""
        return f"<Evaluation of {len(self.rows)} cases: {metrics}{more}>"


def open_results(folder: str | Path, *, overwrite: bool = False) -> OutputFolder:
    """Open a folder for an evaluation; OutputError when files are in the way."""
    return OutputFolder(folder, OWN, overwrite=overwrite)


def read_cases(path: str | Path) -> list[Row]:
    """Read the rows of an evaluation from the folder that it wrote, or from its cases.csv."""
    path = user_path(path)
    rows = read_csv(path / CASES if path.is_dir() else path, ("name", "group"))
    if not rows or not {"name", "group"} <= set(rows[0]):
        raise InputError(f"{path}: no case with a name and a group; give a folder of `zoo evaluate --out`")
    return rows


def read_results(path: str | Path) -> Evaluation:
    """Read what `compare` needs of an evaluation: the folder that it wrote, or its cases.csv alone."""
    folder, rows = user_path(path), read_cases(path)
    if not (folder.is_dir() and (folder / DRAWS).is_file() and (folder / SUMMARY).is_file()):
        return Evaluation(rows, {})
    drawn = read_csv(folder / DRAWS, ())
    try:
        metrics = {name: NAN if v is None else float(v) for name, v in read_json(folder / SUMMARY)["metrics"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{folder / SUMMARY}: not what `zoo evaluate --out` writes ({error})") from error
    draws = {name: np.array([row.get(name, NAN) for row in drawn], np.float64) for name in metrics}
    return Evaluation(rows, metrics, draws=draws)


def compare_draws(first: Evaluation, second: Evaluation) -> list[Row]:
    """Compare metrics of all cases together, first minus second, by paired draws; [] where the cases stand otherwise.

    Both drew the same groups in the same order, if their cases are the same in the same order.
    """
    keys = [[(str(row["name"]), str(row["group"])) for row in one.rows] for one in (first, second)]
    if keys[0] != keys[1]:
        return []
    out: list[Row] = []
    for name in first.draws:
        if name in second.draws and len(first.draws[name]) == len(second.draws[name]):
            a, b = first.metrics[name], second.metrics[name]
            low, high = central(first.draws[name] - second.draws[name])
            out.append({"metric": name, "first": a, "second": b, "difference": a - b, "low": low, "high": high})
    return out


def compare_rows(first: Sequence[Row], second: Sequence[Row]) -> list[Row]:
    """Compare two models on the same cases, first minus second: see `compare_columns`; for classes also what is pooled.

    Raises InputError when the cases differ.
    """
    paired = pair_rows(first, second, ("name", "group"))
    groups = [str(row["group"] or row["name"]) for row in first]  # an unknown patient is one of many
    rng = np.random.default_rng(0)
    pooled: list[Row] = []
    if all("label" in row and any(name.startswith("p_") for name in row) for row in (*first, *paired)):
        pooled = compare_pooled(first, paired, summarise_probabilities, groups, rng)
    columns = [score_columns(rows) for rows in (first, paired)]
    return pooled + compare_columns(columns[0], columns[1], groups, rng)


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
    for batch in chunks((entering(algorithm, sample) for sample in samples), batch_size):
        inputs = [prepare(algorithm, sample.image) for sample in batch]
        predictions = predict_batch(algorithm, engine, inputs, tta=tta, hear=partial(_hear, hear, batch))
        cases += [algorithm.score(p, s) for p, s in zip(predictions, batch, strict=True)]
        advance(len(batch))
    return cases


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
) -> Evaluation:
    """Score every sample and add bootstrap intervals over the groups; count what is out of scope, with one warning."""
    outside: dict[str, tuple[str, ...]] = {}
    judged = samples if scope is None else _judged(samples, scope, outside)
    cases = score_all(algorithm, engine, judged, batch_size, advance, tta)
    if outside:
        name, reasons = next(iter(outside.items()))
        first = f"such as {name}: {'; '.join(reasons)}"
        warnings.warn(f"{len(outside)} of {len(cases)} images are out of scope, {first}", ScopeWarning, stacklevel=3)
    rng, weighed = np.random.default_rng(0), algorithm.weighed(cases)
    draws = bootstrap_draws(cases, algorithm.summarise, groups, rng, weighed=weighed)
    metrics = algorithm.summarise(cases)
    intervals = {name: central(draws[name]) if draws else (NAN, NAN) for name in metrics}
    rows, curves = [case.row for case in cases], algorithm.curves(cases)
    return Evaluation(rows, metrics, intervals, out_of_scope=len(outside), curves=curves, draws=draws)


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
    predict: Callable[[Image], Prediction] = algorithm.baseline(entering(algorithm, sample) for sample in training)
    seen = (entering(algorithm, sample) for sample in samples)
    return algorithm.summarise([algorithm.score(predict(sample.image), sample) for sample in seen])
