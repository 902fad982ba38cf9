"""Scores of detectors: one match per picture, average precision and sensitivities of all pictures together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from zoo.common.answers.boxes import Boxes
from zoo.common.boxes import corners
from zoo.common.metrics.average_precision import (
    COCO_THRESHOLDS,
    Detections,
    Evidence,
    PooledPrecision,
    join,
    match_image,
)
from zoo.common.metrics.cases import mean_of_defined
from zoo.common.metrics.froc import RATES, PooledFroc, Scan, sensitivity_at
from zoo.common.types import Arrays, Row, Sample

THRESHOLDS = (0.3, *COCO_THRESHOLDS)  # small objects: one pixel of shift costs a box of 5 px half its IoU


def evidence_of(prediction: Boxes, sample: Sample) -> Arrays:
    """Match the boxes of one picture with the references: by IoU per class, and by centres whatever the class."""
    truth, ignored = _labels(sample)
    image = Detections(
        truth[:, 1:], prediction.boxes, prediction.scores, truth[:, 0].astype(int), prediction.labels, ignored
    )
    found = match_image(image, len(prediction.classes), THRESHOLDS)
    reached, false = _by_centres(image)
    return {
        "labels": found.labels,
        "scores": found.scores,
        "is_hit": found.is_hit,
        "is_aside": found.is_aside,
        "references": found.references,
        "hits": reached[reached > -np.inf],
        "false": false,
        "lesions": np.array(len(reached)),
        "sizes": np.sqrt((truth[:, 3:] - truth[:, 1:3]).prod(axis=1)),
        "reached": reached,
    }


def centre_scan(image: Detections) -> Scan:
    """Score one picture by centres: a box whose centre lies in a reference hits it; the best hit counts, others pass.

    Boxes that hit nothing and whose centre lies in an ignored region are left out.
    """
    reached, false = _by_centres(image)
    return Scan(reached[reached > -np.inf], false, len(reached))


def scans_of(evidence: Sequence[Arrays]) -> list[Scan]:
    """Read from the evidence of pictures how each was scored by centres."""
    return [Scan(e["hits"], e["false"], int(e["lesions"])) for e in evidence]


class PooledScores:
    """The scores of all pictures together, sorted once; a picture may count more than once, as in bootstrap draws."""

    def __init__(self, evidence: Sequence[Arrays], classes: Sequence[str], bounds_px: Sequence[float] = ()) -> None:
        parts = [
            Evidence(e["labels"], e["scores"], e["is_hit"], e["is_aside"], e["references"], np.zeros(0, np.int64))
            for e in evidence
        ]
        self.classes = classes
        self._sizes = SizedReferences(evidence, bounds_px)
        self._precision = PooledPrecision(join(parts))
        self._froc = PooledFroc(scans_of(evidence))

    def summary(self, counts: np.ndarray) -> dict[str, float]:
        """Summarise where each picture counts `counts` (pictures,) times.

        AP by COCO's rule: ap (IoU 0.5 to 0.95), ap50, ap75, ap30 are means over the classes that have references; with
        several classes also ap50 of each. Sensitivity by centres at 1/8 ... 8 false positives per picture, and the mean
        of these, cpm; at 1 also of the references of each size.
        """
        table = self._precision.table(counts)
        at = {name: [mean_of_defined(row) for row in table[rows]] for name, rows in _ROWS.items()}
        out = {name: float(np.mean(values)) for name, values in at.items()}
        if len(self.classes) > 1:
            out |= {f"ap50_{name}": float(table[1, i]) for i, name in enumerate(self.classes)}
        curve = self._froc.curve(counts)
        sensitivities = sensitivity_at(curve)
        out |= {f"sensitivity_at_{rate:g}": float(value) for rate, value in zip(RATES, sensitivities, strict=True)}
        at_one = float(curve.thresholds[curve.false_per_scan <= 1][-1])
        return {**out, "cpm": float(sensitivities.mean()), **self._sizes.sensitivities(counts, at_one)}


class SizedReferences:
    """The references of all pictures in classes of size, the root of a box's area [px of the picture]."""

    def __init__(self, evidence: Sequence[Arrays], bounds_px: Sequence[float]) -> None:
        self._pictures = np.concatenate([np.full(len(e["sizes"]), i) for i, e in enumerate(evidence)])
        sizes, self._reached = (np.concatenate([e[name] for e in evidence]) for name in ("sizes", "reached"))
        self._kinds = np.searchsorted(bounds_px, sizes, side="right")
        ends = [f"{bound:g}" for bound in bounds_px]
        inner = [f"{low}_to_{high}_px" for low, high in pairwise(ends)]
        self._names = [f"under_{ends[0]}_px", *inner, f"from_{ends[-1]}_px"] if ends else []

    def sensitivities(self, counts: np.ndarray, threshold: float) -> dict[str, float]:
        """Return the share found at a threshold of each size; nan where there is none."""
        weights = np.asarray(counts, np.float64)[self._pictures]
        found = weights * (self._reached >= threshold)
        shares = {}
        for kind, name in enumerate(self._names):
            own = self._kinds == kind
            total = float(weights[own].sum())
            shares[f"sensitivity_at_1_{name}"] = float(found[own].sum()) / total if total else np.nan
        return shares


def summarise(evidence: Sequence[Arrays], classes: Sequence[str], bounds_px: Sequence[float] = ()) -> dict[str, float]:
    """Pool the evidence of pictures, each counting once, see `PooledScores.summary`."""
    return PooledScores(evidence, classes, bounds_px).summary(np.ones(len(evidence)))


def counts(prediction: Boxes, sample: Sample, threshold: float) -> Row:
    """Count one picture at the operating point: found, missed and false by centres."""
    kept = prediction.scores >= threshold
    truth, ignored = _labels(sample)
    scan = centre_scan(Detections(truth[:, 1:], prediction.boxes[kept], prediction.scores[kept], ignored=ignored))
    found = float(len(scan.hits))
    return {"references": float(scan.n_lesions), "found": found, "false_positives": float(len(scan.false))}


_ROWS = {"ap50": slice(1, 2), "ap": slice(1, None), "ap75": slice(6, 7), "ap30": slice(0, 1)}


def _labels(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes (k, 5) of a sample and its ignored regions (m, 4)."""
    ignored = sample.labels.get("ignored", np.zeros((0, 4)))
    truth = np.asarray(sample.labels["boxes"], np.float64).reshape(-1, 5)
    return truth, np.asarray(ignored, np.float64).reshape(-1, 4)


def _by_centres(image: Detections) -> tuple[np.ndarray, np.ndarray]:
    """Return the best score of a box with its centre in each reference (r,), -inf without one, and the false scores."""
    low, high = corners(image.boxes)
    is_hit, is_aside = (_inside((low + high) / 2, regions) for regions in (image.reference, image.ignored))
    scores = np.asarray(image.scores, np.float64)
    reached = np.where(is_hit, scores[:, None], -np.inf).max(axis=0, initial=-np.inf)
    return np.asarray(reached), scores[~is_hit.any(axis=1) & ~is_aside.any(axis=1)]


def _inside(points: np.ndarray, regions: np.ndarray) -> np.ndarray:
    regions = np.asarray(regions, np.float64).reshape(-1, 4)
    return ((points[:, None] >= regions[:, :2]) & (points[:, None] <= regions[:, 2:])).all(axis=2)
