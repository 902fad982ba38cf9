"""Curves of a classifier, each class against the rest: ROC, precision over recall, calibration, net benefit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.common.metrics.class_scores import Answers
from zoo.common.metrics.classification import CALIBRATION_BINS, bins_of
from zoo.common.metrics.curves import Curve
from zoo.common.types import Row

BINS = 10  # of a class's own probabilities
THRESHOLDS = np.arange(1, 100) / 100  # at which the net benefit is counted
CALLED = "called class"
MODEL, ALL, NONE = "model", "call all", "call none"


def class_curves(answers: Answers, rows: Sequence[Row]) -> dict[str, Curve]:
    """Draw ROC and precision over recall of the classes that are looked for, where they occur beside others.

    rows: the scores per class, see `class_rows`: where the model works, and between which bounds.
    """
    told = {(row["class"], row["metric"]): row for row in rows}
    kept = [c for c in answers.positives if 0 < (answers.labels == c).sum() < len(answers.labels)]
    names = [answers.classes[c] for c in kept]
    tables = [ranked_points(answers.labels == c, answers.probabilities[:, c]) for c in kept]
    lines = {name: table[:, [1, 0, 3]] for name, table in zip(names, tables, strict=True)}
    roc = Curve(
        "1 - specificity",
        "sensitivity",
        lines,
        {name: (1 - _value(told, name, "specificity"), _value(told, name, "sensitivity")) for name in names},
        bars={name: (*_turned(told[name, "specificity"]), *_ends(told[name, "sensitivity"])) for name in names},
        notes={name: f", AUC {_told(told[name, 'roc_auc'])}" for name in names},
        steps="line",
        corner="lower right",
    )
    pairs = [name for name in names if np.isfinite(_value(told, name, "ppv"))]
    lines = {name: table[:, [0, 2, 3]] for name, table in zip(names, tables, strict=True)}
    recall = Curve(
        "sensitivity (recall)",
        "positive predictive value (precision)",
        lines,
        {name: (_value(told, name, "sensitivity"), _value(told, name, "ppv")) for name in pairs},
        bars={name: (*_ends(told[name, "sensitivity"]), *_ends(told[name, "ppv"])) for name in pairs},
        notes={name: f", AP {_told(told[name, 'average_precision'])}" for name in names},
        steps="pre",
    )
    return {"roc": roc, "precision_recall": recall} if kept else {}


def ranked_points(is_positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return sensitivity, 1 - specificity, precision and threshold (m, 4): a row per distinct score, inf first."""
    is_positive, scores = np.asarray(is_positive, bool), np.asarray(scores, np.float64)
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits, seen = np.cumsum(is_positive[order])[last], last + 1
    p, n = is_positive.sum(), (~is_positive).sum()
    points = np.column_stack([hits / p, (seen - hits) / n, hits / seen, scores[order][last]])
    return np.vstack([[0.0, 0.0, 1.0, np.inf], points])


def calibration_rows(answers: Answers) -> list[Row]:
    """List how often a probability came true, per bin: of the called class, and of each class that is looked for.

    The bins of the called class are those of the expected calibration error, (0, 1/15], ...; a class has ten.
    """
    probabilities, classes = answers.probabilities, answers.classes
    if not len(probabilities):
        return []
    is_right = probabilities.argmax(1) == answers.labels
    out = _binned(CALLED, probabilities.max(1), is_right, CALIBRATION_BINS)
    for c in answers.positives:
        out += _binned(classes[c], probabilities[:, c], answers.labels == c, BINS)
    return out


def decision_rows(answers: Answers) -> list[Row]:
    """List the net benefit per case of calling a class from a probability on, beside calling all cases and none.

    True positives / n - false positives / n * t / (1 - t), where t is the probability from which on somebody would act
    (Vickers and Elkin 2006).
    """
    out: list[Row] = []
    n = len(answers.labels)
    odds = THRESHOLDS / (1 - THRESHOLDS)
    for c in answers.positives if n else ():
        truth = answers.labels == c
        called = answers.probabilities[:, c][:, None] >= THRESHOLDS
        right, wrong = (truth[:, None] & called).sum(0), (~truth[:, None] & called).sum(0)
        kinds = {MODEL: (right - wrong * odds) / n, ALL: (truth.sum() - (~truth).sum() * odds) / n, NONE: 0 * odds}
        out += [
            {"class": answers.classes[c], "line": kind, "threshold": float(t), "net_benefit": float(value)}
            for kind, values in kinds.items()
            for t, value in zip(THRESHOLDS, values, strict=True)
        ]
    return out


def _binned(name: str, confidence: np.ndarray, is_right: np.ndarray, bins: int) -> list[Row]:
    bin_of = bins_of(confidence, bins)
    out: list[Row] = []
    for b in np.unique(bin_of):
        own = bin_of == b
        row: Row = {"of": name, "from": b / bins, "to": (b + 1) / bins, "cases": float(own.sum())}
        out.append({**row, "probability": float(confidence[own].mean()), "share": float(is_right[own].mean())})
    return out


def _value(told: dict, name: str, metric: str) -> float:
    return float(told[name, metric]["value"])


def _ends(row: Row) -> tuple[float, float]:
    return float(row["low"]), float(row["high"])


def _turned(row: Row) -> tuple[float, float]:
    return 1 - float(row["high"]), 1 - float(row["low"])


def _told(row: Row) -> str:
    low, high = _ends(row)
    return f"{row['value']:.2f}" + (f" ({low:.2f} to {high:.2f})" if low == low else "")
