"""One evaluation of a model on a data set: what was asked for, scored, divided, and told about."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from zoo.common.algorithm import Algorithm
from zoo.common.datasets import UNLABELLED, Dataset
from zoo.common.datasets.attributes import attribute
from zoo.common.datasets.classes import normal_class
from zoo.common.errors import ConfigError, DataError, ZooWarning
from zoo.common.files.output_folder import sha256_of
from zoo.common.types import Case, Row
from zoo.engines.engine import Runner
from zoo.evaluation import Evaluation, evaluate, open_results, score_all, score_baseline
from zoo.prediction.passes import check_views, with_options
from zoo.report.operating_points import Wanted, operating_points, wanted
from zoo.report.pictures import draw_extremes
from zoo.training.other_split import warn_of_other_split
from zoo.weights.identity import in_words, versions

if TYPE_CHECKING:
    from zoo.model import Model

CHOSEN_ON = "val"  # the split on which an operating point is chosen


@dataclasses.dataclass(frozen=True)
class Asked:
    """What an evaluation shall tell: of which split, divided by which columns, at which operating point.

    options: of the algorithm for this evaluation; algorithm: with them, where that is not the model's own.
    """

    split: str
    by: tuple[str, ...]
    aim: Wanted | None
    baseline: bool
    batch_size: int
    tta: bool
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    algorithm: Algorithm[Any] | None = None

    @classmethod
    def of(
        cls,
        labels: Sequence[str],
        split: str,
        by: str | Sequence[str],
        at_sensitivity: float | None,
        at_specificity: float | None,
        baseline: bool,
        batch_size: int,
        tta: bool,
    ) -> Asked:
        """Check and collect; `by` may be one text with commas."""
        columns = by.split(",") if isinstance(by, str) else list(by)
        aim = wanted(at_sensitivity, at_specificity)
        if aim and split in (CHOSEN_ON, "all"):
            raise ConfigError(
                f"split={split!r} with at_{aim.of}={aim.least:g} given; the threshold is chosen on {CHOSEN_ON}, so "
                "expected another split to report it on, such as test"
            )
        if aim and "label" not in labels:
            raise ConfigError(
                f"at_{aim.of} given for labels {', '.join(labels)}; only what names classes has such a point"
            )
        kept = tuple(dict.fromkeys(column.strip() for column in columns if column.strip()))
        return cls(split, kept, aim, baseline, batch_size, tta)

    def with_options(self, algorithm: Algorithm[Any], options: Mapping[str, Any], engine: Runner) -> Asked:
        """Return the same with options of the algorithm; ConfigError for what its predictions do not take."""
        if self.tta:
            check_views(algorithm, engine)
        return dataclasses.replace(self, options=options, algorithm=with_options(algorithm, options, is_scored=True))


def evaluate_model(
    model: Model, dataset: Dataset, asked: Asked, out: str | Path | None = None, overwrite: bool = False
) -> Evaluation:
    """Score the model as asked, and write everything to `out` where it is given."""
    if asked.split == UNLABELLED:
        raise DataError(f"{dataset.origin}: split {UNLABELLED!r} has no labels to score; give train, val, test or all")
    samples = dataset.split(asked.split)
    if asked.split != "train":
        warn_of_other_split(model.about, dataset)
    divided = {column: attribute(samples, column) for column in asked.by}
    chosen_on = dataset.split(CHOSEN_ON) if asked.aim else None
    output = None if out is None else open_results(out, overwrite=overwrite)
    algorithm, engine = asked.algorithm or model.algorithm, model.engine
    _warn_of_order(algorithm)
    cases: list[Case] = []
    with tqdm(total=len(samples), desc=f"{model.name} {asked.split}", unit="case", disable=None) as bar:
        result = evaluate(
            *(algorithm, engine, samples, samples.groups, asked.batch_size),
            advance=bar.update,
            scope=dataclasses.replace(model.scope, as_seen=algorithm.as_seen),
            tta=asked.tta,
            by=divided,
            hear=cases.extend,
        )
    if asked.baseline and any(record.split == "train" for record in dataset.records):
        result = dataclasses.replace(result, baseline=score_baseline(algorithm, dataset.split("train"), samples))
    if chosen_on is not None and asked.aim:
        validation = [case.row for case in score_all(algorithm, engine, chosen_on, asked.batch_size, tta=asked.tta)]
        points = _points(validation, result.rows, asked.aim, asked.split)
        points = _with_option(points, algorithm, is_series=chosen_on[0].image.array.ndim == 4)
        result = dataclasses.replace(result, points=points)
    result = dataclasses.replace(result, about=describe(model, dataset, asked))
    if output is not None:
        pictures = draw_extremes(algorithm, engine, samples, cases, asked.tta)
        dataclasses.replace(result, pictures=pictures).write(output)
    return result


def _warn_of_order(algorithm: Algorithm[Any]) -> None:
    """Warn where the class that sensitivity counts, the second of two, is the one that shows nothing."""
    classes: Sequence[str] = algorithm.counted("label") if "label" in algorithm.labels else ()
    if len(classes) == 2 and normal_class(classes) == 1:
        warnings.warn(
            f"sensitivity, average precision, F1 and --at-sensitivity are of {classes[1]!r}, the second class, though "
            f"it is called as normal ones are; the sensitivity for {classes[0]!r} is what stands under specificity. "
            "classes.csv has every score of both",
            ZooWarning,
            stacklevel=3,
        )


def describe(model: Model, dataset: Dataset, asked: Asked) -> dict[str, Any]:
    """Say in words what was evaluated, on what, with what."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    identity = {**model.identity, "variant": model.variant, "test-time views": "averaged" if asked.tta else "one"}
    identity |= (
        {"options": ", ".join(f"{name}={value}" for name, value in asked.options.items())} if asked.options else {}
    )
    identity |= in_words(model.about)
    if not model.sha256 and Path(model.source).is_file():  # weights of another program
        identity["sha256"] = sha256_of(Path(model.source))
    data = {"from": dataset.origin or "a data set in memory", "split": asked.split, "how": dataset.describe_split()}
    if dataset.classes:
        data["classes"] = ", ".join(dataset.classes)
    return {"date": now, "model": identity, "data": data, "versions": versions()}


def describe_test(model: Model, dataset: Dataset) -> dict[str, Any]:
    """Say the same of the test at the end of a training."""
    return describe(model, dataset, Asked("test", (), None, baseline=True, batch_size=1, tta=False))


def _with_option(points: Sequence[Row], algorithm: Algorithm[Any], is_series: bool) -> list[Row]:
    """Add to each row the option that makes predictions call at its threshold; "" where there is none.

    is_series: the probabilities are means over slices, each of which an option would move by itself.
    """
    out: list[Row] = []
    for row in points:
        option = "" if is_series else algorithm.option_at(float(row["threshold"]))
        head = {"class": row["class"], "rule": row["rule"], "threshold": row["threshold"], "option": option}
        out.append({**head, **row})
    return out


def _points(validation: Sequence[Row], rows: Sequence[Row], aim: Wanted, split: str) -> list[Row]:
    return operating_points(validation, rows, aim, (CHOSEN_ON, split))
