"""The curves of a detector: sensitivity over false positives, and precision over recall."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.common.detection.scores import THRESHOLDS, scans_of
from zoo.common.metrics.curves import Curve
from zoo.common.metrics.froc import RATES, froc
from zoo.common.types import Arrays

IOUS = (0.3, 0.5)  # of the lines of a detector of one class; of several, 0.5 for each


def detection_curves(evidence: Sequence[Arrays], classes: Sequence[str], threshold: float) -> dict[str, Curve]:
    """Draw FROC by centres, and precision over recall by IoU, from the evidence of pictures."""
    return {
        "froc": froc_curve(evidence, threshold),
        "precision_recall": precision_recall_curve(evidence, classes, threshold),
    }


def froc_curve(evidence: Sequence[Arrays], threshold: float) -> Curve:
    """Draw the sensitivity by centres over the false positives per picture."""
    found = froc(scans_of(evidence))
    points = np.column_stack([found.false_per_scan, found.sensitivity, found.thresholds])
    lines = {"by centres": points} if np.isfinite(points[:, 1]).all() else {}
    working = {name: _working(rows, threshold) for name, rows in lines.items()}
    return Curve("false positives per picture", "sensitivity", lines, working, RATES)


def precision_recall_curve(evidence: Sequence[Arrays], classes: Sequence[str], threshold: float) -> Curve:
    """Draw precision over recall of each class that has references."""
    labels, scores, is_aside = (
        np.concatenate([e[name] for e in evidence]) for name in ("labels", "scores", "is_aside")
    )
    is_hit = np.concatenate([e["is_hit"] for e in evidence], axis=1)
    totals = np.sum([e["references"] for e in evidence], axis=0)
    lines = {}
    for label, total in enumerate(totals):
        own = np.flatnonzero(labels == label)
        own = own[np.argsort(-scores[own], kind="stable")]
        for iou in IOUS if len(classes) == 1 else (0.5,):
            hit = is_hit[int(np.argmin(np.abs(np.subtract(THRESHOLDS, iou)))), own]
            if total:
                lines[f"{classes[label]}, IoU {iou:g}"] = _walk(hit, is_aside[own], scores[own], int(total))
    working = {name: _working(rows, threshold) for name, rows in lines.items()}
    return Curve("recall", "precision", lines, working)


def _walk(is_hit: np.ndarray, is_aside: np.ndarray, scores: np.ndarray, total: int) -> np.ndarray:
    """Return recall, precision, score (n, 3), one row per different score; starts at recall 0, precision 1."""
    right, counted = np.cumsum(is_hit), np.cumsum(is_hit | ~is_aside)
    last = np.append(scores[1:] != scores[:-1], True)[: len(scores)] & (counted > 0)
    rows = np.column_stack([right / total, right / np.maximum(counted, 1), scores])[last]
    return np.vstack([[0.0, 1.0, np.inf], rows])


def _working(points: np.ndarray, threshold: float) -> tuple[float, float]:
    """Return (x, y) of the last point whose scores are at least the threshold."""
    x, y, _ = points[np.flatnonzero(points[:, 2] >= threshold)[-1]]
    return float(x), float(y)
