"""Scores of instance segmentation: per picture and averaged, and over the objects of all pictures together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from zoo.common.answers.instances import Instances
from zoo.common.errors import DataError
from zoo.common.metrics.instances import (
    Overlaps,
    aji,
    aji_parts,
    aji_plus,
    binary_dice,
    count_overlaps,
    dice2,
    panoptic_quality,
)
from zoo.common.types import Case, Row, Sample

MEANS = ("dice", "aji", "aji_plus", "pq", "dq", "sq", "f1", "dice2")  # columns of a case
SUMS = 11  # numbers of a picture that add up: pixels, objects, the IoU of those that match


def score_instances(prediction: Instances, sample: Sample) -> Case:
    """Compare the maps of a picture; 1 where both are empty, 0 where only one is.

    f1: of objects whose IoU is above 0.5, which is the DQ of the panoptic quality under its usual name.
    """
    overlaps = count_overlaps(instances_of(sample), prediction.instances)
    panoptic = panoptic_quality(overlaps, both_empty=1.0)
    row: Row = {"name": sample.image.name, "group": sample.group}
    row |= {"dice": binary_dice(overlaps, 1.0), "aji": aji(overlaps, 1.0), "aji_plus": aji_plus(overlaps, 1.0)}
    row |= {name: panoptic[name] for name in ("pq", "dq", "sq")}
    row |= {"f1": panoptic["dq"], "dice2": dice2(overlaps, 1.0)}
    true, found = len(overlaps.reference_areas), len(overlaps.prediction_areas)
    row |= {"count_error": float(abs(found - true)), "reference_count": float(true), "predicted_count": float(found)}
    return Case(row, {"sums": _sums(overlaps, panoptic)})


def summarise_instances(cases: Sequence[Case]) -> dict[str, float]:
    """Average the scores of the pictures, and rate all objects together, as `*_pooled`."""
    return weigh_instances(cases)(np.ones(len(cases)))


def weigh_instances(cases: Sequence[Case]) -> Callable[[np.ndarray], dict[str, float]]:
    """Return `summarise_instances` as a function of how often each case counts, (cases,)."""
    names = (*MEANS, "count_error")
    table = np.array([[float(case.row[name]) for name in names] for case in cases], np.float64).reshape(-1, len(names))
    sums = np.array([case.evidence["sums"] for case in cases], np.float64).reshape(-1, SUMS)

    def summarise(counts: np.ndarray) -> dict[str, float]:
        total = float(counts.sum())
        means = counts @ table / total if total else np.full(len(names), np.nan)
        return dict(zip(names, means.tolist(), strict=True)) | _pooled(counts @ sums, bool(total))

    return summarise


def instances_of(sample: Sample) -> np.ndarray:
    """Return the map (h, w) of a sample; DataError where it does not fit its image or holds negative numbers."""
    instances = np.asarray(sample.labels["instances"])
    name = sample.files.get("instances", f"instances of {sample.image.name}")
    if instances.shape != sample.image.size:
        raise DataError(f"{name}: {instances.shape} given; expected the image's size {sample.image.size}. Resample one")
    if instances.dtype.kind == "f" and (instances == np.floor(instances)).all():
        instances = instances.astype(np.int64)
    if instances.dtype.kind not in "uib" or (instances.size and instances.min() < 0):
        raise DataError(f"{name}: {instances.dtype} given; expected whole numbers, 0 for the background")
    return instances


def _sums(overlaps: Overlaps, panoptic: dict[str, float]) -> np.ndarray:
    shared, pairs = float(overlaps.shared.sum()), float(overlaps.union.sum() + overlaps.shared.sum())
    areas = float(overlaps.reference_areas.sum() + overlaps.prediction_areas.sum())
    matched = [panoptic["tp"], panoptic["fp"], panoptic["fn"], panoptic["sq"] * panoptic["tp"]]
    return np.array([shared, areas, pairs, *aji_parts(overlaps), *aji_parts(overlaps, one_to_one=True), *matched])


def _pooled(sums: np.ndarray, is_any: bool) -> dict[str, float]:
    shared, areas, pairs, aji_shared, aji_union, plus_shared, plus_union, tp, fp, fn, iou = sums.tolist()
    empty = 1.0 if is_any else float("nan")  # nothing to find and nothing found
    objects = tp + (fp + fn) / 2
    dq, sq = _ratio(tp, objects, empty), iou / tp if tp else _ratio(0.0, fp + fn, empty)
    found = {
        "dice": _ratio(2 * shared, areas, empty),
        "aji": _ratio(aji_shared, aji_union, empty),
        "aji_plus": _ratio(plus_shared, plus_union, empty),
        "pq": dq * sq,
        "dq": dq,
        "sq": sq,
        "f1": dq,
        "dice2": _ratio(2 * shared, pairs, _ratio(0.0, areas, empty)),
        "precision": _ratio(tp, tp + fp, 0.0 if fn else empty),
        "recall": _ratio(tp, tp + fn, 0.0 if fp else empty),
    }
    return {f"{name}_pooled": value for name, value in found.items()}


def _ratio(part: float, whole: float, undefined: float) -> float:
    return part / whole if whole else undefined
