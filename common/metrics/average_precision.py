"""COCO's average precision from evidence that is made once per image, so that bootstrap draws only add it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from zoo.common.boxes import iou

COCO_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10))
MAX_DETECTIONS = 100  # per image and class, the best scored
RECALLS = np.linspace(0, 1, 101)
NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Detections:
    """The boxes of one image: reference (r, 4) and found (n, 4), x1, y1, x2, y2 [px]; scores (n,).

    reference_labels (r,), labels (n,): classes as whole numbers; all one class when left out.
    ignored: (m, 4) regions in which a box that hits nothing is neither right nor wrong.
    """

    reference: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    reference_labels: np.ndarray = field(default_factory=lambda: NONE)
    labels: np.ndarray = field(default_factory=lambda: NONE)
    ignored: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one image, or many, says about a detector; all that average precision needs.

    labels, scores: (n,) of the boxes, by falling score within an image. is_hit: (thresholds, n) bool. is_aside: (n,)
    bool, in an ignored region. references: (classes,) how many there are. images: (n,) the image of each box.
    """

    labels: np.ndarray
    scores: np.ndarray
    is_hit: np.ndarray
    is_aside: np.ndarray
    references: np.ndarray
    images: np.ndarray


def match_image(
    image: Detections,
    classes: int,
    thresholds: Sequence[float] = COCO_THRESHOLDS,
    max_detections: int = MAX_DETECTIONS,
) -> Evidence:
    """Match the boxes of one image class by class as COCO does: best score first, each to the best free reference.

    A match needs IoU >= threshold; of equal references the last is taken. A box that hits nothing and whose centre
    lies in an ignored region is skipped.
    """
    reference, found = (np.asarray(boxes, np.float64).reshape(-1, 4) for boxes in (image.reference, image.boxes))
    truth_labels = image.reference_labels if len(image.reference_labels) else np.zeros(len(reference), np.int64)
    found_labels = image.labels if len(image.labels) else np.zeros(len(found), np.int64)
    scores = np.asarray(image.scores, np.float64)
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for label in range(classes):
        own = np.flatnonzero(found_labels == label)
        own = own[np.argsort(-scores[own], kind="stable")][:max_detections]
        overlap = iou(found[own], reference[truth_labels == label])
        parts.append((own, _hits(overlap, thresholds)))
    order = np.concatenate([own for own, _ in parts])
    is_hit = np.concatenate([hit for _, hit in parts], axis=1)
    is_aside = _centre_inside(found[order], np.asarray(image.ignored, np.float64).reshape(-1, 4))
    counts = np.bincount(np.asarray(truth_labels, np.int64), minlength=classes)[:classes]
    place = np.zeros(len(order), np.int64)
    return Evidence(found_labels[order], scores[order], is_hit, is_aside, counts, place)


def match_overlaps(
    overlap: np.ndarray,
    scores: np.ndarray,
    thresholds: Sequence[float] = COCO_THRESHOLDS,
    max_detections: int = MAX_DETECTIONS,
) -> Evidence:
    """Match what was found in one image with the references as COCO does, from their IoU (n, r); of one class.

    Serves masks, whose overlap is counted in pixels.
    """
    scores = np.asarray(scores, np.float64)
    order = np.argsort(-scores, kind="stable")[:max_detections]
    none = np.zeros(len(order), np.int64)
    return Evidence(
        none, scores[order], _hits(overlap[order], thresholds), none > 0, np.array([overlap.shape[1]]), none
    )


def join(parts: Sequence[Evidence]) -> Evidence:
    """Put the evidence of several images into one, in order; references stay apart, (images, classes)."""
    places = [np.full(len(part.scores), i, np.int64) for i, part in enumerate(parts)]
    return Evidence(
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.is_hit for part in parts], axis=1),
        np.concatenate([part.is_aside for part in parts]),
        np.stack([part.references for part in parts]),
        np.concatenate(places),
    )


class PooledPrecision:
    """Average precision of many images, sorted once; images may count more than once, as bootstrap draws want it."""

    def __init__(self, evidence: Evidence) -> None:
        self.references = np.atleast_2d(evidence.references)
        self._classes = []
        for label in range(self.references.shape[1]):
            own = np.flatnonzero(evidence.labels == label)
            own = own[np.argsort(-evidence.scores[own], kind="stable")]
            hits = [np.flatnonzero(row) for row in evidence.is_hit[:, own]]
            self._classes.append((evidence.images[own], evidence.is_aside[own], hits))

    def table(self, counts: np.ndarray | None = None) -> np.ndarray:
        """Return AP (thresholds, classes) in [0, 1], nan where a class has no reference.

        counts: (images,) how often each image counts; once when None.
        """
        weights = np.ones(len(self.references)) if counts is None else np.asarray(counts, np.float64)
        totals = weights @ self.references
        columns = [_precisions(*part, weights, total) for part, total in zip(self._classes, totals, strict=True)]
        return np.stack(columns, axis=1)


def _precisions(
    images: np.ndarray, is_aside: np.ndarray, hits: Sequence[np.ndarray], weights: np.ndarray, total: float
) -> np.ndarray:
    """Average the precision at 101 recalls, per threshold (t,), for boxes sorted by falling score.

    hits: the places of the boxes that hit, per threshold; between them only precision falls, so they are enough.
    """
    if not total:
        return np.full(len(hits), np.nan)
    each = weights[images]
    counted = np.cumsum(np.where(is_aside, 0.0, each))  # boxes aside count only where they hit
    out = np.zeros(len(hits))
    for i, places in enumerate(hits):
        own = each[places]
        right = np.cumsum(own)
        precision = right / np.maximum(counted[places] + np.cumsum(own * is_aside[places]), np.spacing(1))
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        reached = np.searchsorted(right / total, RECALLS, side="left")
        out[i] = np.append(envelope, 0.0)[reached].mean()
    return out


def _hits(overlap: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """Tell (thresholds, n) which boxes, best first, find a free reference; overlap (n, r)."""
    n, r = overlap.shape
    least = np.minimum(thresholds, 1 - 1e-10)
    is_hit, is_free = np.zeros((len(least), n), bool), np.ones((len(least), r), bool)
    rows = np.arange(len(least))
    for i in np.flatnonzero(overlap.max(axis=1, initial=-1) >= least.min()):
        reachable = np.where(is_free, overlap[i], -1.0)
        best = r - 1 - reachable[:, ::-1].argmax(axis=1)
        found = reachable[rows, best] >= least
        is_hit[found, i], is_free[rows[found], best[found]] = True, False
    return is_hit


def _centre_inside(boxes: np.ndarray, regions: np.ndarray) -> np.ndarray:
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    within = (centre[:, None] >= regions[:, :2]) & (centre[:, None] <= regions[:, 2:])
    return within.all(axis=2).any(axis=1)
