"""Score segmentations case by case and label by label: rows for a CSV, a summary with intervals, a paired comparison.

A row belongs to one case and one label. A case is used for a score when that is a number, undefined when it is nan,
missed when the label is in the reference and not in the prediction; a distance is then inf, or the stated penalty, and
makes the mean worse, never better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wilcoxon

from zoo.common.errors import ConfigError, InputError
from zoo.common.metrics import overlap, surface
from zoo.common.metrics.bootstrap import bootstrap_interval
from zoo.common.metrics.confusion import Counts, count_labels
from zoo.common.types import Row

Labels = Mapping[str, "int | tuple[int, ...]"]  # name: value, or values that count as one
FROM_COUNTS: dict[str, Callable[[Counts], float]] = {
    "dice": overlap.dice,
    "jaccard": overlap.jaccard,
    "sensitivity": overlap.sensitivity,
    "specificity": overlap.specificity,
    "precision": overlap.precision,
    "volume_similarity": overlap.volume_similarity,
    "mcc": overlap.mcc,
    "kappa": overlap.kappa,
}
DISTANCES: dict[str, Callable[..., float]] = {
    "hausdorff_mm": surface.hausdorff,
    "hd95_mm": surface.hausdorff_percentile,
    "assd_mm": surface.assd,
    "masd_mm": surface.masd,
}
SURFACE_DICE = "surface_dice"
METRICS = (*FROM_COUNTS, *DISTANCES, SURFACE_DICE)
LARGEST = 1e300  # stands for inf while quantiles are taken
DEFAULT = ("dice", "sensitivity", "precision", "hd95_mm", "assd_mm", SURFACE_DICE)


@dataclass(frozen=True)
class Policy:
    """How borders and misses are scored."""

    tolerance_mm: float = 1.0  # of surface Dice
    missed_mm: float = float("inf")  # every distance of a case in which exactly one mask is empty


def score_case(
    case: str,
    reference: np.ndarray,
    prediction: np.ndarray,
    labels: Labels,
    spacing_mm: Sequence[float],
    metrics: Sequence[str] = DEFAULT,
    policy: Policy | None = None,
    group: str = "",
) -> list[Row]:
    """Score two label maps of equal shape: one row per label with its scores and volumes [ml, in 2D mm²]."""
    if unknown := set(metrics) - set(METRICS):
        raise ConfigError(f"metrics {sorted(unknown)} given; expected some of {', '.join(METRICS)}")
    policy = policy or Policy()
    voxel = float(np.prod(spacing_mm)) / (1000 if np.ndim(reference) == 3 else 1)
    rows = []
    for (name, value), counts in zip(
        labels.items(), count_labels(reference, prediction, list(labels.values())), strict=True
    ):
        row: Row = {"case": case, "group": group or case, "label": name, "missed": float(counts.is_missed)}
        row["reference_volume"] = (counts.tp + counts.fn) * voxel
        row["predicted_volume"] = (counts.tp + counts.fp) * voxel
        distances = _distances(reference, prediction, value, spacing_mm, metrics, policy)
        rows.append({**row, **{m: FROM_COUNTS[m](counts) if m in FROM_COUNTS else distances[m] for m in metrics}})
    return rows


def summarise(rows: Sequence[Row], rng: np.random.Generator, draws: int = 1000) -> list[Row]:
    """Summarise each score of each label: mean with its 95 % interval over groups, median, and the three counts.

    A mean with a missed distance is inf unless a penalty was stated; the median stays finite while few are missed.
    """
    out = []
    for label in dict.fromkeys(row["label"] for row in rows):
        own = [row for row in rows if row["label"] == label]
        for metric in [name for name in own[0] if name in METRICS]:
            values = np.array([row[metric] for row in own], np.float64)
            used = values[~np.isnan(values)]
            low, high = _interval(own, metric, rng, draws)
            out.append(
                {
                    "label": label,
                    "metric": metric,
                    "mean": _mean(used),
                    "low": low,
                    "high": high,
                    "median": float(np.median(used)) if len(used) else float("nan"),
                    "cases": float(len(own)),
                    "used": float(len(used)),
                    "undefined": float(len(own) - len(used)),
                    "missed": float(sum(float(row["missed"]) for row in own)),
                }
            )
    return out


def compare(first: Sequence[Row], second: Sequence[Row], metric: str, rng: np.random.Generator) -> list[Row]:
    """Compare two models on the same cases, per label: first minus second, its 95 % interval, Wilcoxon's p.

    The two-sided signed-rank test, equal cases dropped; p is 1 without any difference. Cases that are undefined for
    either are counted, not compared; missed by both with no penalty is a tie.
    """
    others = {(row["case"], row["label"]): row for row in second}
    if {(row["case"], row["label"]) for row in first} != set(others):
        raise InputError("the two models were scored on different cases or labels; score both on the same")
    out = []
    for label in dict.fromkeys(row["label"] for row in first):
        own = [row for row in first if row["label"] == label]
        pairs = [(float(row[metric]), float(others[row["case"], label][metric])) for row in own]
        rows: list[Row] = [
            {"group": str(row["group"]), "difference": 0.0 if a == b else a - b}
            for row, (a, b) in zip(own, pairs, strict=True)
            if not np.isnan(a - b) or a == b
        ]
        values = np.array([row["difference"] for row in rows], np.float64)
        low, high = _interval(rows, "difference", rng, 1000)
        out.append(
            {
                "label": label,
                "metric": metric,
                "difference": _mean(values),
                "low": low,
                "high": high,
                "p": float(wilcoxon(values[values != 0]).pvalue) if values.any() else 1.0,
                "used": float(len(values)),
                "undefined": float(len(own) - len(values)),
            }
        )
    return out


def _distances(
    reference: np.ndarray,
    prediction: np.ndarray,
    value: int | tuple[int, ...],
    spacing_mm: Sequence[float],
    metrics: Sequence[str],
    policy: Policy,
) -> dict[str, float]:
    if not {*DISTANCES, SURFACE_DICE} & set(metrics):
        return {}
    masks = [np.isin(array, value) if isinstance(value, tuple) else array == value for array in (reference, prediction)]
    d = surface.surface_distances(masks[0], masks[1], spacing_mm)
    out = {name: measure(d, missed=policy.missed_mm) for name, measure in DISTANCES.items() if name in metrics}
    return {**out, SURFACE_DICE: surface.surface_dice(d, policy.tolerance_mm)}


def _mean(values: np.ndarray) -> float:
    """Average; nan of nothing, or of inf on both sides."""
    if not len(values) or (np.isposinf(values).any() and np.isneginf(values).any()):
        return float("nan")
    return float(values.mean())


def _interval(rows: Sequence[Row], column: str, rng: np.random.Generator, draws: int) -> tuple[float, float]:
    """Central 95 % of the mean over drawn groups; inf where a drawn mean is."""

    def mean(chosen: Sequence[Row]) -> dict[str, float]:
        values = np.array([row[column] for row in chosen], np.float64)
        value = _mean(values[~np.isnan(values)])
        return {"mean": float(np.clip(value, -LARGEST, LARGEST))}

    found = bootstrap_interval(rows, mean, [str(row["group"]) for row in rows], rng, draws)
    low, high = found.get("mean", (float("nan"), float("nan")))
    return _finite_or_inf(low), _finite_or_inf(high)


def _finite_or_inf(value: float) -> float:
    return float(np.copysign(np.inf, value)) if abs(value) > LARGEST / 1e6 else value
