"""Scores of classifiers: NumPy in, float out; nan where a score is undefined.

Labels are (n,) integers 0..k-1, probabilities (n, k) with rows that sum to 1. For two classes, class 1 is the positive.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.common.metrics.cases import mean_of_defined
from zoo.common.types import Row

CALIBRATION_BINS = 15
SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)


def summarise_classification(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Compute every score of this file; for more than two classes, means over the classes against the rest.

    The predicted class is the most probable one, the first of equals. Everything is nan without cases.
    """
    k = probabilities.shape[1] if probabilities.ndim == 2 else 2
    probabilities = probabilities.reshape(-1, k)
    matrix = confusion_matrix(labels, probabilities.argmax(1), k)
    positives = range(1, 2) if k == 2 else range(k)
    return {
        "accuracy": accuracy(matrix),
        "balanced_accuracy": balanced_accuracy(matrix),
        "roc_auc": mean_of_defined([roc_auc(labels == c, probabilities[:, c]) for c in positives]),
        "average_precision": mean_of_defined([average_precision(labels == c, probabilities[:, c]) for c in positives]),
        "f1": mean_of_defined([f1(matrix, c) for c in positives]),
        "sensitivity": mean_of_defined([sensitivity(matrix, c) for c in positives]),
        "specificity": mean_of_defined([specificity(matrix, c) for c in positives]),
        "calibration_error": calibration_error(labels, probabilities),
        "brier": brier(labels, probabilities),
        "log_loss": log_loss(labels, probabilities),
    }


def summarise_probabilities(rows: Sequence[Row]) -> dict[str, float]:
    """Compute the above from the rows of cases: `label`, and `p_<class>` in the order of the classes."""
    names = [name for name in (rows[0] if rows else ()) if name.startswith("p_")]
    probabilities = np.array([[row[name] for name in names] for row in rows], np.float64)
    return summarise_classification(np.array([row["label"] for row in rows], np.int64), probabilities)


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, k: int) -> np.ndarray:
    """Count (k, k): row = true class, column = predicted class."""
    cells = np.asarray(labels, np.int64) * k + np.asarray(predicted, np.int64)
    return np.bincount(cells, minlength=k * k).reshape(k, k)


def accuracy(matrix: np.ndarray) -> float:
    """Share of correct cases, trace / n; nan without cases."""
    return _ratio(np.trace(matrix), matrix.sum())


def balanced_accuracy(matrix: np.ndarray) -> float:
    """Mean over the classes of their sensitivity; classes without cases do not count, nan if none has any."""
    return mean_of_defined([sensitivity(matrix, c) for c in range(len(matrix))])


def sensitivity(matrix: np.ndarray, positive: int = 1) -> float:
    """TP / (TP + FN), also called recall; nan without positive cases."""
    return _ratio(matrix[positive, positive], matrix[positive].sum())


def specificity(matrix: np.ndarray, positive: int = 1) -> float:
    """TN / (TN + FP) with every other class as negative; nan without negative cases."""
    negatives = matrix.sum() - matrix[positive].sum()
    return _ratio(negatives - (matrix[:, positive].sum() - matrix[positive, positive]), negatives)


def precision(matrix: np.ndarray, positive: int = 1) -> float:
    """TP / (TP + FP); nan when nothing was called positive."""
    return _ratio(matrix[positive, positive], matrix[:, positive].sum())


def f1(matrix: np.ndarray, positive: int = 1) -> float:
    """2 TP / (2 TP + FP + FN); nan when the class neither occurs nor was predicted."""
    return _ratio(2 * matrix[positive, positive], matrix[positive].sum() + matrix[:, positive].sum())


def roc_auc(is_positive: np.ndarray, scores: np.ndarray) -> float:
    """Probability that a positive outscores a negative, ties half: (R - P (P + 1) / 2) / (P N).

    R is the sum of the positives' ranks, equal scores sharing their mean rank (Mann and Whitney). nan unless both
    kinds occur.
    """
    is_positive = np.asarray(is_positive, bool)
    p, n = int(is_positive.sum()), int((~is_positive).sum())
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places.reshape(-1)]
    return _ratio(ranks[is_positive].sum() - p * (p + 1) / 2, p * n)


def average_precision(is_positive: np.ndarray, scores: np.ndarray) -> float:
    """Sum over the distinct scores, from the top, of (R_i - R_{i-1}) P_i; no interpolation. nan without positives."""
    is_positive = np.asarray(is_positive, bool)
    order = np.argsort(-np.asarray(scores), kind="stable")
    ordered = np.asarray(scores)[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) if len(ordered) else np.zeros(0, int)
    hits = np.cumsum(is_positive[order])[ends]
    return _ratio((np.diff(hits, prepend=0) * hits / (ends + 1)).sum(), is_positive.sum())


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error: sum over bins of n_b / n |accuracy_b - confidence_b| (Guo et al. 2017, eq. 3).

    The confidence is the largest probability, in equal bins (0, 1/bins], ...; nan without cases.
    """
    confidence = probabilities.max(1) if len(labels) else np.zeros(0)
    is_correct = probabilities.argmax(1) == labels if len(labels) else np.zeros(0)
    gaps = np.bincount(bins_of(confidence, bins), weights=is_correct - confidence, minlength=bins)
    return _ratio(np.abs(gaps).sum(), len(labels))


def bins_of(shares: np.ndarray, bins: int) -> np.ndarray:
    """Return which of equal bins (0, 1/bins], (1/bins, 2/bins], ... each share lies in; 0 lies in the first."""
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], shares)


def brier(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared error of the probabilities: of the positive for two classes, else summed over the classes."""
    truth = np.eye(probabilities.shape[1])[np.asarray(labels, np.int64)]
    errors = ((probabilities - truth) ** 2).sum(1)
    return _ratio(errors.sum() / (2 if probabilities.shape[1] == 2 else 1), len(labels))


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of -ln p(true class), with p kept above float64's epsilon; nan without cases."""
    chosen = probabilities[np.arange(len(labels)), np.asarray(labels, np.int64)]
    return _ratio(-np.log(np.maximum(chosen, SMALLEST_PROBABILITY)).sum(), len(labels))


def best_threshold(labels: np.ndarray, positive_probabilities: np.ndarray) -> float:
    """Find the threshold on the positive class that maximises accuracy; on ties the one nearest to 0.5.

    A case is called positive from the threshold on. Tune it on validation data only.
    """
    values = np.unique(np.append(positive_probabilities, (0.0, 1.0)))
    candidates = np.append((values[1:] + values[:-1]) / 2, 0.5)
    is_positive = np.asarray(labels) == 1
    hits = np.array([((positive_probabilities >= t) == is_positive).sum() for t in candidates])
    best = candidates[hits == hits.max()]
    return float(best[np.abs(best - 0.5).argmin()])


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")
