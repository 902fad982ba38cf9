"""Score segmentations case by case and label by label: rows for a CSV, a summary with intervals, a paired comparison.

A row belongs to one case and one label. A case is used for a score when that is a number, undefined when it is nan,
missed when the label is in the reference and not in the prediction; a distance is then inf, or the stated penalty, and
makes the mean worse, never better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.common.errors import ConfigError
from zoo.common.metrics import overlap, surface
from zoo.common.metrics.cases import compare_columns, pair_rows, summarise_columns
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
        missed = float(sum(float(row["missed"]) for row in own))
        summary = summarise_columns(_scores(own), [str(row["group"]) for row in own], rng, draws)
        out += [{"label": label, **row, "missed": missed} for row in summary]
    return out


def compare(first: Sequence[Row], second: Sequence[Row], metric: str, rng: np.random.Generator) -> list[Row]:
    """Compare two models on the same cases, per label; see `compare_columns`. Missed by both is a tie."""
    others = pair_rows(first, second, ("case", "label"))
    out = []
    for label in dict.fromkeys(row["label"] for row in first):
        pairs = [(row, other) for row, other in zip(first, others, strict=True) if row["label"] == label]
        columns = [{metric: [float(pair[side][metric]) for pair in pairs]} for side in (0, 1)]
        (row,) = compare_columns(columns[0], columns[1], [str(pair[0]["group"]) for pair in pairs], rng)
        out.append({"label": label, **row})
    return out


def _scores(rows: Sequence[Row]) -> dict[str, list[float]]:
    return {name: [float(row[name]) for row in rows] for name in rows[0] if name in METRICS}


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
