"""DeLong's comparison of two correlated ROC areas, and its extension to several images of one patient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm, rankdata

from zoo.common.types import Row

NAN = float("nan")


def areas(is_positive: np.ndarray, scores: np.ndarray, groups: Sequence[str] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Return the ROC areas of m models (m,), and their covariance (m, m), after DeLong et al. (1988).

    scores: (n, m). groups: the patient of each case; with several cases of one patient their placements are summed,
    after Obuchowski (1997), which is DeLong's own where each case is a patient. nan unless both kinds occur, and a
    covariance of nan unless there are two patients of each.
    """
    is_positive, scores = np.asarray(is_positive, bool), np.asarray(scores, np.float64).reshape(len(is_positive), -1)
    p, n, models = int(is_positive.sum()), int((~is_positive).sum()), scores.shape[1]
    if not p or not n:
        return np.full(models, NAN), np.full((models, models), NAN)
    # share of the other kind that a case is on the right side of; equal scores count half (Sun and Xu 2014: by ranks)
    every = rankdata(scores, axis=0)
    above = (every[is_positive] - rankdata(scores[is_positive], axis=0)) / n
    below = 1 - (every[~is_positive] - rankdata(scores[~is_positive], axis=0)) / p
    area = above.mean(0)
    names = list(groups) if len(groups) else [str(i) for i in range(len(is_positive))]
    places = np.unique(names, return_inverse=True)[1]
    sums = [
        _sums(part - area, places[side], places.max() + 1)
        for part, side in ((above, is_positive), (below, ~is_positive))
    ]
    counts = [len(np.unique(places[side])) for side in (is_positive, ~is_positive)]
    if min(counts) < 2:
        return area, np.full((models, models), NAN)
    (a, b), (i, j) = sums, counts
    cross = (a.T @ b + b.T @ a) / (p * n)
    shared = len(set(places[is_positive]) & set(places[~is_positive]))
    both = len(np.unique(places)) / (len(np.unique(places)) - 1) if shared else 1.0
    return area, i / (i - 1) * a.T @ a / p**2 + j / (j - 1) * b.T @ b / n**2 + both * cross


def compare_areas(
    is_positive: np.ndarray, first: np.ndarray, second: np.ndarray, groups: Sequence[str] = (), level: float = 0.95
) -> Row:
    """Compare two models on the same cases: areas, first minus second with its interval, z and p (two-sided)."""
    area, covariance = areas(is_positive, np.column_stack([first, second]), groups)
    gap = float(area[0] - area[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    error = float(np.sqrt(max(variance, 0.0))) if np.isfinite(variance) else NAN
    if error < 1e-12:  # the two rank all cases alike, or make no error at all
        error = 0.0
    z = gap / error if error else (0.0 if gap == 0 else NAN)
    half = float(norm.ppf((1 + level) / 2)) * error
    row: Row = {"first": float(area[0]), "second": float(area[1]), "difference": gap}
    return row | {"low": gap - half, "high": gap + half, "z": z, "p": float(2 * norm.sf(abs(z)))}


def _sums(values: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """Sum the rows of each patient, (count, m)."""
    out = np.zeros((count, values.shape[1]))
    np.add.at(out, places, values)
    return out
