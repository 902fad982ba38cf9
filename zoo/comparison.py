"""Two models on the same cases: read what they scored, and tell whether they differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.datasets.texts import read_json
from zoo.common.errors import InputError
from zoo.common.files.outputs import user_path
from zoo.common.metrics.bootstrap import central
from zoo.common.metrics.cases import TOLD, compare_columns, compare_pooled, pair_rows, score_columns
from zoo.common.metrics.class_scores import Answers, answers_of
from zoo.common.metrics.classification import summarise_probabilities
from zoo.common.metrics.delong import compare_areas
from zoo.common.tables import read_csv
from zoo.common.types import Row

if TYPE_CHECKING:
    from zoo.evaluation import Evaluation

CASES, SUMMARY, DRAWS = "cases.csv", "summary.json", "draws.csv"
NAN = float("nan")


def read_cases(path: str | Path) -> list[Row]:
    """Read the rows of an evaluation from the folder that it wrote, or from its cases.csv."""
    path = user_path(path)
    rows = read_csv(path / CASES if path.is_dir() else path, ("name", "group"), TOLD)
    if not rows or not {"name", "group"} <= set(rows[0]):
        raise InputError(f"{path}: no case with a name and a group; give a folder of `zoo evaluate --out`")
    return rows


def read_results(path: str | Path) -> Evaluation:
    """Read what `compare` needs of an evaluation: the folder that it wrote, or its cases.csv alone."""
    from zoo.evaluation import Evaluation

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

    Raises InputError when the cases differ, or their true classes. The models may count the classes in another order.
    """
    paired = pair_rows(first, second, ("name", "group"))
    groups = [str(row["group"] or row["name"]) for row in first]  # an unknown patient is one of many
    rng = np.random.default_rng(0)
    pooled: list[Row] = []
    one, other = answers_of(first), answers_of(paired)
    if one is not None and other is not None:
        paired = _counted_as(one, paired, other)
        pooled = compare_pooled(first, paired, summarise_probabilities, groups, rng)
        pooled = _with_delong(pooled, one, other)
    columns = [score_columns(rows) for rows in (first, paired)]
    return pooled + compare_columns(columns[0], columns[1], groups, rng)


def _counted_as(first: Answers, rows: Sequence[Row], answers: Answers) -> list[Row]:
    """Return the rows of another model with its classes in the order of the first, whose second class is the positive.

    Other names count by their place. Raises InputError where a case has another true class.
    """
    if sorted(first.classes) == sorted(answers.classes):
        places = [first.classes.index(name) for name in answers.classes]
        kept = [{key: value for key, value in row.items() if not key.startswith("p_")} for row in rows]
        rows = [
            {**bare, "label": places[label], **{f"p_{name}": row[f"p_{name}"] for name in first.classes}}
            for bare, row, label in zip(kept, rows, answers.labels, strict=True)
        ]
    odd = [row for row, label in zip(rows, first.labels, strict=True) if int(row["label"]) != label]
    if odd:
        raise InputError(
            f"the two models were scored on different labels: {len(odd)} of {len(rows)} cases have another true class, "
            f"such as {odd[0]['name']}; score both on the same"
        )
    return list(rows)


def _with_delong(pooled: list[Row], first: Answers, second: Answers) -> list[Row]:
    """Add DeLong's interval and test to the area of two classes; of more, a row for each class against the rest."""
    found = {}
    for c in first.positives:
        name = first.classes[c]
        if name in second.classes:  # perhaps at another place
            scores = second.probabilities[:, second.classes.index(name)]
            found[name] = compare_areas(first.labels == c, first.probabilities[:, c], scores, first.groups)
    if len(found) > 1:
        renamed = [{"metric": f"roc_auc_{name}", **row} for name, row in found.items()]
        return pooled + [{("p_delong" if key == "p" else key): value for key, value in row.items()} for row in renamed]
    told = {f"{key}_delong": row[key] for row in found.values() for key in ("low", "high", "z", "p")}
    return [row | told if row["metric"] == "roc_auc" else row for row in pooled]
