"""How far two partitions of the same voxels agree: pairs, information, consistency, clouds of points.

`table` is the joint histogram of confusion.joint_histogram(reference, prediction): the labels are names only, so a
complement is a perfect answer. Sums of pairs are Python ints: 10¹⁰ voxels have more pairs than 64 bits can count.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from zoo.common.metrics.confusion import Counts

Unit = Literal["bits", "nats"]
NAN = float("nan")


def rand_index(table: np.ndarray) -> float:
    """Share of voxel pairs that both maps join or both part: (N - R - C + 2 J) / N pairs (Rand 1971).

    J, R, C: pairs joined in both, in the reference, in the prediction. 0..1; nan below two voxels.
    """
    joined, rows, columns, pairs = _pairs(table)
    return (pairs - rows - columns + 2 * joined) / pairs if pairs else NAN


def adjusted_rand_index(table: np.ndarray) -> float:
    """(J - R C / N) / ((R + C) / 2 - R C / N), 0 by chance, 1 for equal partitions (Hubert and Arabie 1985).

    1 when both maps hold a single label (two empty masks), 0 when one does; nan without voxels.
    """
    joined, rows, columns, pairs = _pairs(table)
    if not int(np.sum(table)):
        return NAN
    whole = pairs * (rows + columns) - 2 * rows * columns
    return 2 * (pairs * joined - rows * columns) / whole if whole else 1.0


def mutual_information(table: np.ndarray, unit: Unit = "bits") -> float:
    """Σ p_ij log(p_ij / (p_i p_j)) [bits or nats]; 0 when a map holds one label only, nan without voxels.

    pymia and scikit-image use bits, scikit-learn nats.
    """
    first, second, both = _entropies(table, unit)
    return max(first + second - both, 0.0) if not math.isnan(both) else NAN


def conditional_entropies(table: np.ndarray, unit: Unit = "bits") -> tuple[float, float]:
    """H(reference | prediction) and H(prediction | reference) [bits or nats]: merged, and split too far."""
    first, second, both = _entropies(table, unit)
    return both - second, both - first


def variation_of_information(table: np.ndarray, unit: Unit = "bits") -> float:
    """H(reference | prediction) + H(prediction | reference) [bits or nats], 0 for equal partitions (Meila 2003)."""
    return sum(conditional_entropies(table, unit))


def global_consistency_error(table: np.ndarray) -> float:
    """min(Σ E(S, P), Σ E(P, S)) / n, with E = |R(S, x) without R(P, x)| / |R(S, x)| per voxel x (Martin et al. 2001).

    0 when one map refines the other, so also for a single label; nan without voxels. The closed form of Taha and
    Hanbury, which pymia codes, exceeds it as soon as there is an error and gives 1 for a complement.
    """
    counts = np.asarray(table, np.float64)
    n = counts.sum()
    if not n:
        return NAN
    errors = []
    for axis in (0, 1):
        sizes = counts.sum(axis, keepdims=True)
        errors.append((counts * (sizes - counts) / np.where(sizes, sizes, 1)).sum())
    return float(min(errors) / n)


def closed_consistency_error(c: Counts) -> float:
    """Taha and Hanbury's closed form of the above for two classes, as in pymia; nan for a full or empty mask.

    min(FN (FN + 2 TP) / (TP + FN) + FP (FP + 2 TN) / (TN + FP), the same with FN and FP swapped) / n.
    """
    if not all((c.tp + c.fn, c.tn + c.fp, c.tp + c.fp, c.tn + c.fn)):
        return NAN
    first = c.fn * (c.fn + 2 * c.tp) / (c.tp + c.fn) + c.fp * (c.fp + 2 * c.tn) / (c.tn + c.fp)
    second = c.fp * (c.fp + 2 * c.tp) / (c.tp + c.fp) + c.fn * (c.fn + 2 * c.tn) / (c.tn + c.fn)
    return min(first, second) / c.n


def intraclass_correlation(reference: np.ndarray, prediction: np.ndarray) -> float:
    """ICC(1, 1) = (B - W) / (B + W) of two raters over voxels (Shrout and Fleiss 1979), for masks or probabilities.

    B, W: mean squares between and within voxels. nan when nothing varies (both empty or full) or below two voxels.
    """
    g, p = np.ravel(reference).astype(np.float64), np.ravel(prediction).astype(np.float64)
    if g.size < 2:
        return NAN
    means = (g + p) / 2
    between = 2 * float(((means - means.mean()) ** 2).sum()) / (g.size - 1)
    within = float(((g - p) ** 2).sum()) / 2 / g.size
    return (between - within) / (between + within) if between + within else NAN


def probabilistic_distance(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Σ |g - p| / (2 Σ g p), 0 for equal maps, unbounded (Gerig et al. 2001).

    nan when both are empty, inf never: without any overlap it is undefined, nan, as in pymia's -1.
    """
    g, p = np.asarray(reference, np.float64), np.asarray(prediction, np.float64)
    shared = float((g * p).sum())
    return float(np.abs(g - p).sum()) / (2 * shared) if shared else NAN


def mahalanobis(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Distance of the masks' centres in standard deviations of their pooled voxel clouds (Taha and Hanbury 2015).

    sqrt(d' S⁻¹ d) with S = (n1 S1 + n2 S2) / (n1 + n2). Whatever the spacing; nan when a mask is empty or the pooled
    cloud is flat along an axis.
    """
    clouds = [np.argwhere(mask).astype(np.float64) for mask in (reference, prediction)]
    if not all(len(cloud) for cloud in clouds):
        return NAN
    centres = [cloud.mean(0) for cloud in clouds]
    scatter = np.asarray(sum(len(cloud) * _covariance(cloud) for cloud in clouds) / sum(len(cloud) for cloud in clouds))
    if np.linalg.matrix_rank(scatter) < len(scatter):
        return NAN
    gap = centres[0] - centres[1]
    return float(np.sqrt(gap @ np.linalg.solve(scatter, gap)))


def _covariance(cloud: np.ndarray) -> np.ndarray:
    centred = cloud - cloud.mean(0)
    return centred.T @ centred / max(len(cloud) - 1, 1)


def _pairs(table: np.ndarray) -> tuple[int, int, int, int]:
    counts = np.asarray(table)
    cells = [int(n) for n in counts.ravel()]
    rows, columns = [int(n) for n in counts.sum(1)], [int(n) for n in counts.sum(0)]
    joined, first, second = (sum(n * (n - 1) // 2 for n in sizes) for sizes in (cells, rows, columns))
    return joined, first, second, sum(cells) * (sum(cells) - 1) // 2


def _entropies(table: np.ndarray, unit: Unit) -> tuple[float, float, float]:
    counts = np.asarray(table, np.float64)
    n = counts.sum()
    if not n:
        return NAN, NAN, NAN
    scale = {"bits": math.log(2), "nats": 1.0}[unit]
    out = []
    for sizes in (counts.sum(1), counts.sum(0), counts.ravel()):
        p = sizes[sizes > 0] / n
        out.append(max(float(-(p * np.log(p)).sum()) / scale, 0.0))
    return out[0], out[1], out[2]
