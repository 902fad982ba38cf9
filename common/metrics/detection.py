"""Scores of box detection from plain arrays: matching by IoU, COCO's average precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.common.boxes import iou
from zoo.common.metrics.average_precision import (
    COCO_THRESHOLDS,
    MAX_DETECTIONS,
    Detections,
    PooledPrecision,
    join,
    match_image,
)

__all__ = ["Detections", "average_precision", "match_boxes", "summarise_detection"]


def match_boxes(reference: np.ndarray, boxes: np.ndarray, scores: np.ndarray, iou_threshold: float) -> np.ndarray:
    """Give each box, best score first, the still free reference of highest IoU, if that is >= the threshold.

    Returns (n,) places in `reference`, -1 = none. This is COCO's matching: a box whose best reference is taken tries
    the next, which medicaldetectiontoolkit does not.
    """
    matched = np.full(len(boxes), -1)
    if not len(reference) or not len(boxes):
        return matched
    overlap = iou(boxes, reference)
    for i in np.argsort(-np.asarray(scores), kind="stable"):
        j = int(overlap[i].argmax())
        if overlap[i, j] >= iou_threshold:
            matched[i] = j
            overlap[:, j] = -1
    return matched


def average_precision(
    images: Sequence[Detections],
    iou_thresholds: Sequence[float] = COCO_THRESHOLDS,
    max_detections: int = MAX_DETECTIONS,
) -> np.ndarray:
    """Return COCO's AP per IoU threshold (t,): mean precision at 101 recalls, mean over the classes.

    Matches need IoU >= threshold. Classes without references do not count; nan if none has any (pycocotools: -1);
    0 where nothing was detected (pycocotools refuses to load that).
    """
    numbers = [labels for image in images for labels in (image.reference_labels, image.labels) if len(labels)]
    classes = 1 + max((int(labels.max()) for labels in numbers), default=0)
    pooled = PooledPrecision(join([match_image(image, classes, iou_thresholds, max_detections) for image in images]))
    table = pooled.table()
    known = ~np.isnan(table).all(axis=0)
    return table[:, known].mean(axis=1) if known.any() else np.full(len(iou_thresholds), np.nan)


def summarise_detection(images: Sequence[Detections]) -> dict[str, float]:
    """Compute "ap" (mean over IoU 0.5, 0.55 ... 0.95), "ap50" and "ap75", in [0, 1]."""
    ap = average_precision(images)
    return {"ap": float(ap.mean()), "ap50": float(ap[0]), "ap75": float(ap[5])}
