"""FROC curves and CPM: sensitivity against false positives per scan, by LUNA16's rule or by the IoU of boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.common.errors import InputError
from zoo.common.metrics.detection import match_boxes

RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # false positives per scan at which CPM reads the curve
MAX_MARKS = 100  # per scan, as the official evaluation is called
UNKNOWN_DIAMETER_MM = 10.0  # the official script's, where the diameter is negative
NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Scan:
    """One scan, scored: best score of every lesion found, score of every false positive, number of lesions."""

    hits: np.ndarray
    false: np.ndarray
    n_lesions: int


@dataclass(frozen=True, eq=False)
class Froc:
    """Points of the curve from (0, 0) on; thresholds[i] is the lowest score counted at point i, inf at the first."""

    false_per_scan: np.ndarray
    sensitivity: np.ndarray
    thresholds: np.ndarray


def luna16_scan(
    nodules: np.ndarray, excluded: np.ndarray, marks: np.ndarray, max_marks: int | None = MAX_MARKS
) -> Scan:
    """Score the marks of one scan as LUNA16's evaluation script does (Setio et al. 2017).

    nodules, excluded: (n, 4) x, y, z, diameter [mm]; marks: (m, 4) x, y, z [mm], score. A mark closer than the radius,
    strictly, hits; a nodule's score is that of its best mark, further ones are neither right nor wrong; marks on
    excluded findings are dropped; the rest are false positives. Of more than `max_marks` marks only those scored above
    the next one are kept, so that ties at the cut all go.
    """
    nodules, excluded, marks = (np.asarray(a, np.float64).reshape(-1, 4) for a in (nodules, excluded, marks))
    if max_marks is not None and len(marks) > max_marks:
        marks = marks[marks[:, 3] > np.sort(marks[:, 3])[::-1][max_marks]]
    is_hit = _is_inside(marks, nodules)
    is_dropped = is_hit.any(1) | _is_inside(marks, excluded).any(1)
    best = np.where(is_hit, marks[:, 3:], -np.inf).max(0, initial=-np.inf)
    return Scan(best[is_hit.any(0)], marks[~is_dropped, 3], len(nodules))


def box_scan(reference: np.ndarray, boxes: np.ndarray, scores: np.ndarray, iou_threshold: float) -> Scan:
    """Score the boxes of one image, 2D or 3D: matched one to one by IoU >= threshold, best score first."""
    matched = match_boxes(reference, boxes, scores, iou_threshold)
    scores = np.asarray(scores, np.float64)
    return Scan(scores[matched >= 0], scores[matched < 0], len(reference))


def froc(scans: Sequence[Scan]) -> Froc:
    """Walk down the scores, equal ones together; sensitivity is nan without lesions.

    MONAI's function leaves out the lowest score, so that detections of one score alone give 0. The official script
    yields nan when nothing is hit, here it is 0.
    """
    return PooledFroc(scans).curve(np.ones(len(scans)))


class PooledFroc:
    """FROC of many scans, sorted once; scans may count more than once, as bootstrap draws want it."""

    def __init__(self, scans: Sequence[Scan]) -> None:
        if not scans:
            raise InputError("no scans given; expected at least one, with or without marks")
        scores = np.concatenate([part for scan in scans for part in (scan.hits, scan.false)]).astype(np.float64)
        lengths = [len(part) for scan in scans for part in (scan.hits, scan.false)]
        kinds = np.repeat(np.arange(2 * len(scans)), lengths)  # even: hits of scan kind / 2, odd: its false positives
        order = np.argsort(-scores, kind="stable")
        self._is_hit, self._scan = kinds[order] % 2 == 0, kinds[order] // 2
        ends = np.append(np.diff(scores[order]) != 0, True)[: len(order)]  # the last of equal scores
        self._ends, self._thresholds = np.flatnonzero(ends), scores[order][ends]
        self._lesions = np.array([scan.n_lesions for scan in scans])

    def curve(self, counts: np.ndarray) -> Froc:
        """Return the curve when each scan counts `counts` (scans,) times."""
        weights = np.asarray(counts, np.float64)[self._scan]
        n_hits, n_false = (np.cumsum(weights * kind)[self._ends] for kind in (self._is_hit, ~self._is_hit))
        total = float(np.sum(counts * self._lesions))
        sensitivity = np.append(0.0, n_hits) / total if total else np.full(len(n_hits) + 1, NAN)
        return Froc(np.append(0.0, n_false) / np.sum(counts), sensitivity, np.append(np.inf, self._thresholds))


def sensitivity_at(curve: Froc, rates: Sequence[float] = RATES) -> np.ndarray:
    """Read the curve at rates of false positives per scan: linear between points, flat beyond the last."""
    return np.interp(rates, curve.false_per_scan, curve.sensitivity)


def cpm(scans: Sequence[Scan], rates: Sequence[float] = RATES) -> float:
    """Average the sensitivity at the rates (competition performance metric), in [0, 1]; nan without lesions."""
    return float(sensitivity_at(froc(scans), rates).mean())


def bootstrap_froc(
    scans: Sequence[Scan], rng: np.random.Generator, n: int = 1000, level: float = 0.95
) -> dict[str, tuple[float, float]]:
    """Draw scans with replacement; return the central `level` of the CPM and of each sensitivity, "cpm", "at_0.125" ...

    Takes the ordered draws floor(q n), as the official script does; draws without a lesion do not count.
    """
    pooled, draws = PooledFroc(scans), []
    for _ in range(n):
        chosen = rng.integers(len(scans), size=len(scans))
        at_rates = sensitivity_at(pooled.curve(np.bincount(chosen, minlength=len(scans))))
        if not np.isnan(at_rates).any():
            draws.append([at_rates.mean(), *at_rates])
    names = ["cpm", *(f"at_{rate:g}" for rate in RATES)]
    if not draws:
        return dict.fromkeys(names, (NAN, NAN))
    ordered = np.sort(draws, axis=0)
    tail = (1 - level) / 2
    low, high = (ordered[min(int(np.floor(q * len(ordered))), len(ordered) - 1)] for q in (tail, 1 - tail))
    return {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True)}


def _is_inside(marks: np.ndarray, findings: np.ndarray) -> np.ndarray:
    """Tell (m, n) which marks lie inside which findings."""
    diameter = np.where(findings[:, 3] < 0, UNKNOWN_DIAMETER_MM, findings[:, 3])
    return ((marks[:, None, :3] - findings[:, :3]) ** 2).sum(2) < (diameter / 2) ** 2
