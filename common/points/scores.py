"""Scores of points over many images: matches are counted within each class, pooled, and rated once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.common.answers.points import Points
from zoo.common.errors import DataError
from zoo.common.metrics.cases import mean_of_defined
from zoo.common.metrics.points import match_points, rates
from zoo.common.types import Case, Row, Sample

RADII_PX = (5, 10, 15)  # of a match; a nucleus is 20 to 25 px wide at the usual scale
RADIUS_PX = 10  # of the scores without a radius in their name
THRESHOLDS = np.round(np.arange(0.05, 0.91, 0.05), 2)  # of which the operating point is one


def score_points_of(prediction: Points, sample: Sample) -> Case:
    """Match the points of each class with the sample's within each radius; compare counts and the index.

    Evidence, as tp, fp, fn: `counts` (radii, classes, 3) at the threshold of the prediction, `sweep` (thresholds,
    classes, 3) at RADIUS_PX.
    """
    true, classes = points_of(sample, len(prediction.classes)), prediction.classes
    found = np.column_stack([prediction.points, prediction.scores])
    counts = np.stack([count_matches(found, true, len(classes), radius) for radius in RADII_PX])
    cuts = [prediction.candidates[prediction.candidates[:, 3] >= t] for t in THRESHOLDS]
    sweep = np.stack([count_matches(cut, true, len(classes), RADIUS_PX) for cut in cuts])
    row: Row = {"name": sample.image.name, "group": sample.group}
    at = counts[RADII_PX.index(RADIUS_PX)]
    for kind, name in enumerate(classes):
        row[f"f1_{name}"] = rates(*at[kind])["f1"]
        row[f"count_error_{name}"] = float(abs(at[kind, 1] - at[kind, 2]))  # predicted - reference = fp - fn
        row[f"reference_{name}"] = float(at[kind, 0] + at[kind, 2])
        row[f"predicted_{name}"] = float(at[kind, 0] + at[kind, 1])
    if prediction.index_class in classes:
        row["index_error"] = _index_error(at, classes.index(prediction.index_class))
    return Case(row, {"counts": counts, "sweep": sweep})


def summarise_points(cases: Sequence[Case], classes: tuple[str, ...]) -> dict[str, float]:
    """Rate the pooled counts: f1 is the mean over the classes, at 10 px unless the name says another radius.

    A class with neither a cell nor a prediction in all rows is nan and does not count; one with predictions only has
    f1 0. best_f1: of the thresholds, the one with the largest f1. count_error: mean over images of |found - true|,
    also as a mean over classes; index_error: of the index, over the images that have cells and predictions.
    """
    rows = [case.row for case in cases]
    none = np.zeros((len(RADII_PX), len(classes), 3)), np.zeros((len(THRESHOLDS), len(classes), 3))
    counts = np.sum([case.evidence["counts"] for case in cases], axis=0) if cases else none[0]
    sweep = np.sum([case.evidence["sweep"] for case in cases], axis=0) if cases else none[1]
    scores = {}
    for radius, table in zip(RADII_PX, counts, strict=True):
        rated = [rates(*line) for line in table]
        end = "" if radius == RADIUS_PX else f"_{radius}px"
        scores[f"f1{end}"] = mean_of_defined([line["f1"] for line in rated])
        for name, line in zip(classes, rated, strict=True):
            kept = ("f1", "precision", "recall") if radius == RADIUS_PX else ("f1",)
            scores |= {f"{score}_{name}{end}": line[score] for score in kept}
    scores["best_f1"] = float(np.nan_to_num(sweep_f1(sweep), nan=0.0).max())
    errors = {
        f"count_error_{name}": mean_of_defined([float(r[f"count_error_{name}"]) for r in rows]) for name in classes
    }
    scores["count_error"] = mean_of_defined(list(errors.values()))
    if any("index_error" in row for row in rows):
        scores["index_error"] = mean_of_defined([float(row["index_error"]) for row in rows])
    return {**scores, **errors}


def sweep_f1(sweep: np.ndarray) -> np.ndarray:
    """Return the mean f1 at each threshold from counts (thresholds, classes, 3)."""
    return np.array([mean_of_defined([rates(*line)["f1"] for line in table]) for table in sweep])


def best_threshold(cases: Sequence[Case]) -> dict[str, Any]:
    """Choose the threshold with the largest mean f1, the middle of equal ones; {} where nothing was there to find."""
    sweeps = [case.evidence["sweep"] for case in cases]
    f1 = sweep_f1(np.sum(sweeps, axis=0)) if sweeps else np.full(len(THRESHOLDS), np.nan)
    if np.isnan(f1).all():
        return {}
    best = np.flatnonzero(f1 >= np.nanmax(f1) - 1e-9)
    return {"threshold": float(THRESHOLDS[best[len(best) // 2]])}


def count_matches(predicted: np.ndarray, true: np.ndarray, classes: int, radius: float) -> np.ndarray:
    """Count tp, fp and fn of each class (classes, 3); rows begin with class, x, y."""
    table = np.zeros((classes, 3))
    for kind in range(classes):
        a, b = (rows[rows[:, 0] == kind][:, 1:3] for rows in (predicted, true))
        tp = len(match_points(a, b, radius)[0])
        table[kind] = tp, len(a) - tp, len(b) - tp
    return table


def points_of(sample: Sample, classes: int) -> np.ndarray:
    """Return the points (k, 3) of a sample; DataError when a class is unknown."""
    points = np.asarray(sample.labels["points"], np.float64).reshape(-1, 3)
    kinds = points[:, 0]
    if len(kinds) and (kinds.min() < 0 or kinds.max() >= classes):
        raise DataError(f"{sample.image.name}: classes {kinds.min():g}..{kinds.max():g}; expected 0..{classes - 1}")
    return points


def _index_error(table: np.ndarray, kind: int) -> float:
    """Return |index found - index true| from tp, fp, fn; nan where either has no cell."""
    found, true = table[:, 0] + table[:, 1], table[:, 0] + table[:, 2]
    if not found.sum() or not true.sum():
        return float("nan")
    return float(abs(found[kind] / found.sum() - true[kind] / true.sum()))
