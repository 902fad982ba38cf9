"""Scores of point detection: predicted and reference points matched one to one within a radius.

Points are (n, axes) in the unit of the radius; predictions come first. Precision asks the predictions, recall the
reference; swapping the two swaps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from scipy.spatial import cKDTree

from zoo.common.assignment import assign
from zoo.common.errors import InputError

NAN = float("nan")


def match_points(predicted: np.ndarray, reference: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Find the largest one-to-one matching of points at most `radius` apart, of those the one of least distance.

    Returns pairs (k, 2) of places in `predicted` and `reference`, and distances (k,) in the unit of the radius. Pairs
    beyond the radius are ruled out before the Hungarian assignment: cutting afterwards loses matches, as Patherea
    (arXiv 2412.16425) documents, since a far pair may have displaced two near ones.
    """
    predicted, reference = _points(predicted), _points(reference)
    if not len(predicted) or not len(reference):
        return np.zeros((0, 2), np.int64), np.zeros(0)
    near = cKDTree(predicted).sparse_distance_matrix(cKDTree(reference), radius, output_type="coo_matrix")
    # a further match must outweigh all closeness together, whose sum stays below 1
    closeness = (1 - near.data / radius if radius > 0 else np.ones(len(near.data))) * 0.5
    gain = 1 + closeness / min(len(predicted), len(reference))
    rows, columns = near.row.astype(np.int64), near.col.astype(np.int64)
    chosen = assign(rows, columns, gain)
    return np.stack([rows[chosen], columns[chosen]], axis=1), near.data[chosen]


def score_points(predicted: np.ndarray, reference: np.ndarray, radius: float) -> dict[str, float]:
    """Count tp, fp, fn of one image and class, with precision, recall, f1 and mean_distance [unit of the radius].

    precision = tp / (tp + fp) over predictions, recall = tp / (tp + fn) over the reference, f1 = 2 tp / (2 tp + fp +
    fn). Each is nan where it divides by 0: precision without predictions, recall without references, f1 without
    either; mean_distance without a match. f1 is 0 when all was missed. Average f1, or pool the counts.
    """
    pairs, distances = match_points(predicted, reference, radius)
    tp = len(pairs)
    row = rates(tp, len(predicted) - tp, len(reference) - tp)
    return {**row, "mean_distance": float(distances.mean()) if tp else NAN}


def rates(tp: float, fp: float, fn: float) -> dict[str, float]:
    """Turn counts into precision, recall and f1; nan where one divides by 0. Also give the counts back."""
    return {
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
    }


def pool_points(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Add the counts of many images, then rate once, as BCData does (Huang et al. 2020); misses weigh in fully."""
    counts = np.array([[row["tp"], row["fp"], row["fn"]] for row in rows]).reshape(-1, 3).sum(0)
    return rates(*map(float, counts))


def mean_f1(predicted: np.ndarray, reference: np.ndarray, n_classes: int, radius: float) -> float:
    """Average f1 over the classes of one image; the last column of both arrays is the class, 0..n_classes - 1.

    Points match within their class only. Classes with neither predictions nor references do not count; nan if none.
    """
    scores = []
    for c in range(n_classes):
        chosen = [p[p[:, -1] == c, :-1] for p in (np.asarray(predicted), np.asarray(reference))]
        scores.append(score_points(chosen[0], chosen[1], radius)["f1"])
    defined = [s for s in scores if not np.isnan(s)]
    return float(np.mean(defined)) if defined else NAN


def _points(points: np.ndarray) -> np.ndarray:
    points = np.asarray(points, np.float64)
    if points.size and (points.ndim != 2 or not np.isfinite(points).all()):
        raise InputError(f"points of shape {points.shape} given; expected (n, axes), all finite")
    return points if points.ndim == 2 else points.reshape(0, 1)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else NAN
