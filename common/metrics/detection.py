"""Scores of box detection: COCO's average precision, from plain arrays."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from zoo.common.boxes import iou, to_corner_size
from zoo.common.errors import ConfigError

COCO_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10))
MAX_DETECTIONS = 100  # per image and class, the best scored


@dataclass(frozen=True, eq=False)
class Detections:
    """The boxes of one image: reference (r, 4) and found (n, 4), x1, y1, x2, y2 [px]; scores (n,).

    reference_labels (r,), labels (n,): classes as whole numbers; all one class when left out.
    """

    reference: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    reference_labels: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, int))


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
    """Return COCO's AP per IoU threshold (t,), by pycocotools: mean precision at 101 recalls, mean over the classes.

    Matches need IoU >= threshold. Classes without references do not count; nan if none has any (pycocotools: -1);
    0 where nothing was detected (pycocotools refuses to load that).
    """
    if not any(len(image.reference) for image in images):
        return np.full(len(iou_thresholds), np.nan)
    if not any(len(image.boxes) for image in images):
        return np.zeros(len(iou_thresholds))
    with contextlib.redirect_stdout(io.StringIO()):  # it reports its progress
        precision = _coco_precision(images, iou_thresholds, max_detections)
    has_references = (precision > -1).all(axis=(0, 1))
    return precision[:, :, has_references].mean(axis=(1, 2))


def summarise_detection(images: Sequence[Detections]) -> dict[str, float]:
    """Compute "ap" (mean over IoU 0.5, 0.55 ... 0.95), "ap50" and "ap75", in [0, 1]."""
    ap = average_precision(images)
    return {"ap": float(ap.mean()), "ap50": float(ap[0]), "ap75": float(ap[5])}


def _coco_precision(images: Sequence[Detections], thresholds: Sequence[float], max_detections: int) -> np.ndarray:
    """Run pycocotools; return precision (t, 101 recalls, classes), -1 for classes without references."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ModuleNotFoundError as error:
        raise ConfigError("pycocotools is not installed; pip install 'openmedia-zoo[detection]'") from error
    truth, found = [], []
    for i, image in enumerate(images, start=1):
        truth += [_annotation(i, *row) for row in zip(*_labelled(image.reference, image.reference_labels), strict=True)]
        rows = zip(*_labelled(image.boxes, image.labels), image.scores, strict=True)
        found += [{**_annotation(i, box, label), "score": float(score)} for box, label, score in rows]
    for number, annotation in enumerate(truth, start=1):  # an id of 0 would count as unmatched
        annotation["id"] = number
    coco = COCO()
    labels = sorted({a["category_id"] for a in truth + found})
    categories = [{"id": label} for label in labels]
    coco.dataset = {
        "images": [{"id": i + 1} for i in range(len(images))],
        "annotations": truth,
        "categories": categories,
        "info": {},
    }
    coco.createIndex()
    run = COCOeval(coco, coco.loadRes(found), "bbox")
    run.params.iouThrs = np.asarray(thresholds, np.float64)
    run.params.maxDets = [max_detections]
    run.params.areaRng, run.params.areaRngLbl = [[0, 1e30]], ["all"]
    run.evaluate()
    run.accumulate()
    return run.eval["precision"][:, :, :, 0, 0]


def _labelled(boxes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return to_corner_size(boxes), labels if len(labels) else np.zeros(len(boxes), int)


def _annotation(image: int, box: np.ndarray, label: int) -> dict:
    area = float(box[2] * box[3])
    return {"image_id": image, "category_id": int(label) + 1, "bbox": box.tolist(), "area": area, "iscrowd": 0}
