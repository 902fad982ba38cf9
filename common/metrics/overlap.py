"""Scores of one mask from its counts: each docstring gives the equation; all are without unit.

`empty` is what a score returns when its equation divides by zero (both masks empty, for Dice): nan leaves the case
out of a mean and is counted as undefined; 1 or 0 are the other usual choices. A missed object never gets it: Dice is 0.
Equations and names: Taha and Hanbury, BMC Medical Imaging 2015.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from zoo.common.metrics.confusion import Counts

NAN = float("nan")


def dice(c: Counts, empty: float = NAN) -> float:
    """2 TP / (2 TP + FP + FN), the F1 score; `empty` when both masks are, 0 when one is."""
    return _ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn, empty)


def jaccard(c: Counts, empty: float = NAN) -> float:
    """TP / (TP + FP + FN), intersection over union; `empty` when both masks are, 0 when one is."""
    return _ratio(c.tp, c.tp + c.fp + c.fn, empty)


def sensitivity(c: Counts, empty: float = NAN) -> float:
    """TP / (TP + FN), recall; `empty` when the reference is, 0 when only the prediction is."""
    return _ratio(c.tp, c.tp + c.fn, empty)


def specificity(c: Counts, empty: float = NAN) -> float:
    """TN / (TN + FP); `empty` when the reference fills the image. Grows with the background around the object."""
    return _ratio(c.tn, c.tn + c.fp, empty)


def precision(c: Counts, empty: float = NAN) -> float:
    """TP / (TP + FP); `empty` when the prediction is, so look at sensitivity, too: a miss has no precision."""
    return _ratio(c.tp, c.tp + c.fp, empty)


def fallout(c: Counts, empty: float = NAN) -> float:
    """FP / (FP + TN), the false-positive rate; `empty` when the reference fills the image."""
    return _ratio(c.fp, c.fp + c.tn, empty)


def false_negative_rate(c: Counts, empty: float = NAN) -> float:
    """FN / (FN + TP); `empty` when the reference is, 1 when only the prediction is."""
    return _ratio(c.fn, c.fn + c.tp, empty)


def f_beta(c: Counts, beta: float = 1.0, empty: float = NAN) -> float:
    """(1 + b²) TP / ((1 + b²) TP + b² FN + FP); b > 1 weighs misses more. `empty` when both masks are."""
    square = beta * beta
    return _ratio((1 + square) * c.tp, (1 + square) * c.tp + square * c.fn + c.fp, empty)


def accuracy(c: Counts, empty: float = NAN) -> float:
    """(TP + TN) / n; `empty` without voxels. Grows with the background around the object."""
    return _ratio(c.tp + c.tn, c.n, empty)


def balanced_accuracy(c: Counts, empty: float = NAN) -> float:
    """(sensitivity + specificity) / 2, the area under a curve of one threshold; `empty` if either is undefined."""
    value = (sensitivity(c) + specificity(c)) / 2
    return empty if math.isnan(value) else value


def mcc(c: Counts, empty: float = NAN) -> float:
    """Matthews correlation, (TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN)), -1..1.

    `empty` when a mask is empty or full; scikit-learn returns 0 there, MONAI nan.
    """
    product = (c.tp + c.fp) * (c.tp + c.fn) * (c.tn + c.fp) * (c.tn + c.fn)
    return (c.tp * c.tn - c.fp * c.fn) / math.sqrt(product) if product else empty


def kappa(c: Counts, empty: float = NAN) -> float:
    """Cohen's kappa, (p_o - p_e) / (1 - p_e), with p_e the agreement of chance; `empty` when p_e is 1.

    In whole numbers, as n² passes 64 bits from 3·10⁹ voxels on and 32 bits long before.
    """
    chance = (c.tp + c.fn) * (c.tp + c.fp) + (c.tn + c.fp) * (c.tn + c.fn)
    return _ratio(c.n * (c.tp + c.tn) - chance, c.n * c.n - chance, empty)


def volume_similarity(c: Counts, empty: float = NAN) -> float:
    """1 - |FN - FP| / (2 TP + FP + FN), 0..1, blind to place; `empty` when both masks are, 0 when one is.

    Cardenes et al. 2009. SimpleITK's figure of this name is 2 (S - T) / (S + T), signed: another quantity.
    """
    return _ratio(2 * c.tp + c.fp + c.fn - abs(c.fn - c.fp), 2 * c.tp + c.fp + c.fn, empty)


def relative_volume_difference(c: Counts, empty: float = NAN) -> float:
    """(prediction - reference) / reference = (FP - FN) / (TP + FN), signed; `empty` without reference."""
    return _ratio(c.fp - c.fn, c.tp + c.fn, empty)


def generalised_dice(counts: Sequence[Counts], empty: float = NAN) -> float:
    """2 Σ w TP / Σ w (2 TP + FP + FN) over labels, w = 1 / (TP + FN)² (Crum et al. 2006, Sudre et al. 2017).

    A label without reference voxels takes the largest weight of the others, as in MONAI, so inventing it costs;
    `empty` when no label has reference voxels and none is predicted, 0 when only predicted.
    """
    sizes = [c.tp + c.fn for c in counts]
    smallest = min((size for size in sizes if size), default=1)
    weights = [1 / (size or smallest) ** 2 for size in sizes]
    whole = sum(w * (2 * c.tp + c.fp + c.fn) for w, c in zip(weights, counts, strict=True))
    return _ratio(2 * sum(w * c.tp for w, c in zip(weights, counts, strict=True)), whole, empty)


def soft_dice(reference: np.ndarray, probabilities: np.ndarray, empty: float = NAN) -> float:
    """2 Σ p g / (Σ p + Σ g) of a mask g and probabilities p in 0..1; `empty` when both sums are 0."""
    g, p = np.asarray(reference, np.float64), np.asarray(probabilities, np.float64)
    return _ratio(2 * float((p * g).sum()), float(p.sum() + g.sum()), empty)


def _ratio(part: float, whole: float, empty: float) -> float:
    return part / whole if whole else empty
