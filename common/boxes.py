"""Axis-parallel boxes in 2D and 3D: overlap, suppression, clustering, conversions.

A box is a row (x1, y1, x2, y2) or (x1, y1, x2, y2, z1, z2) [px]; its width is x2 - x1. Whether x or y comes first makes
no difference here, as long as it is the same everywhere. `offset` 1 counts x2 as the last pixel inside, width
x2 - x1 + 1, as some published code does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from zoo.common.errors import InputError

LOWS = {4: [0, 1], 6: [0, 1, 4]}  # columns of the lower corner, by the width of a row
HIGHS = {4: [2, 3], 6: [2, 3, 5]}


def area(boxes: np.ndarray, offset: float = 0.0) -> np.ndarray:
    """Return the area or volume (n,) of boxes [px^2 or px^3]; 0 where a side is negative."""
    low, high = corners(boxes)
    return np.clip(high - low + offset, 0, None).prod(1)


def iou(first: np.ndarray, second: np.ndarray, offset: float = 0.0) -> np.ndarray:
    """Return the intersection over union (n, m) of every pair; 0 where both boxes are empty."""
    low_a, high_a = corners(first)
    low_b, high_b = corners(second)
    sides = np.minimum(high_a[:, None], high_b) - np.maximum(low_a[:, None], low_b) + offset
    shared = np.clip(sides, 0, None).prod(2)
    union = area(first, offset)[:, None] + area(second, offset) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def suppress(boxes: np.ndarray, scores: np.ndarray, iou_threshold: float) -> np.ndarray:
    """Keep the best box, drop those whose IoU with it is above the threshold, and so on (greedy NMS).

    Returns the places (k,) of the kept, by falling score, the first of equals first.
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    kept = []
    while len(order):
        kept.append(order[0])
        overlap = iou(boxes[order[:1]], boxes[order[1:]])[0]
        order = order[1:][overlap <= iou_threshold]
    return np.array(kept, np.int64)


def cluster_boxes(
    boxes: np.ndarray,
    scores: np.ndarray,
    patch_weights: np.ndarray,
    n_overlaps: np.ndarray,
    patches: Sequence[str],
    *,
    n_ensemble: int,
    iou_threshold: float,
    min_score: float = 0.01,
    offset: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Merge the boxes of many patches and models into one per object (weighted box clustering, Jaeger et al. 2018).

    A cluster is the best box left and all with IoU above the threshold; with w = IoU * area * patch weight,
    score = sum s w / (sum w + n_missing mean w), n_missing = max(0, n_ensemble * mean n_overlaps - patches in it),
    and each coordinate = sum c s w / sum s w. A patch that reports twice counts once.

    n_overlaps: (n,) how many patches of one model cover the place; patches: (n,) name of the patch and model of each
    box. Returns boxes (k, 4 or 6) and scores (k,) by falling best score, without clusters below `min_score`.
    """
    boxes, scores, names = _rows(boxes), np.asarray(scores, np.float64), np.asarray(patches)
    order = np.argsort(-scores, kind="stable")
    merged, merged_scores = [], []
    while len(order):
        overlap = iou(boxes[order[:1]], boxes[order], offset)[0]
        is_member = overlap > iou_threshold
        is_member[0] = True  # also when the box is empty and its IoU 0
        members = order[is_member]
        weights = overlap[is_member] * area(boxes[members], offset) * patch_weights[members]
        n_missing = max(0.0, n_ensemble * float(np.mean(n_overlaps[members])) - len(np.unique(names[members])))
        strength = scores[members] * weights
        if strength.sum() > 0:
            score = strength.sum() / (weights.sum() + n_missing * weights.mean())
            if score >= min_score:
                merged.append(strength @ boxes[members] / strength.sum())
                merged_scores.append(score)
        order = order[~is_member]
    return np.array(merged).reshape(-1, boxes.shape[1]), np.array(merged_scores)


def corners(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split boxes into lower and upper corners, (n, 2 or 3) each."""
    boxes = _rows(boxes)
    return boxes[:, LOWS[boxes.shape[1]]], boxes[:, HIGHS[boxes.shape[1]]]


def join_corners(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Undo `corners`."""
    parts = [low[:, :2], high[:, :2]]
    return np.hstack([*parts, low[:, 2:], high[:, 2:]])


def to_centre_size(boxes: np.ndarray) -> np.ndarray:
    """Turn corners into centre and size: (cx, cy, w, h) or (cx, cy, w, h, cz, d)."""
    low, high = corners(boxes)
    return join_corners((low + high) / 2, high - low)


def from_centre_size(boxes: np.ndarray) -> np.ndarray:
    """Turn centre and size, as YOLO and DETR have them, into corners."""
    centre, size = corners(boxes)
    return join_corners(centre - size / 2, centre + size / 2)


def to_corner_size(boxes: np.ndarray) -> np.ndarray:
    """Turn corners into lower corner and size, (x, y, w, h), as COCO's files have them."""
    low, high = corners(boxes)
    return join_corners(low, high - low)


def from_corner_size(boxes: np.ndarray) -> np.ndarray:
    """Turn lower corner and size into corners."""
    low, size = corners(boxes)
    return join_corners(low, low + size)


def swap_xy(boxes: np.ndarray) -> np.ndarray:
    """Exchange x and y: (x1, y1, x2, y2, ...) becomes (y1, x1, y2, x2, ...) and back."""
    boxes = _rows(boxes)
    return boxes[:, [1, 0, 3, 2, *range(4, boxes.shape[1])]]


def clip_boxes(boxes: np.ndarray, size: Sequence[float]) -> np.ndarray:
    """Cut boxes at the borders of an image; size: (w, h) or (w, h, d), the order of the boxes' columns."""
    low, high = corners(boxes)
    return join_corners(np.clip(low, 0, size), np.clip(high, 0, size))


def boxes_of_labels(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Box every instance of a label map (h, w) or (d, h, w); return boxes (n, 4 or 6) and their labels (n,).

    The upper corner is one past the last pixel, so that the box's size is its number of pixels.
    """
    places = [(i + 1, p) for i, p in enumerate(ndimage.find_objects(labels)) if p is not None]
    low = np.array([[s.start for s in p[::-1]] for _, p in places], np.float64).reshape(-1, labels.ndim)
    high = np.array([[s.stop for s in p[::-1]] for _, p in places], np.float64).reshape(-1, labels.ndim)
    return join_corners(low, high), np.array([i for i, _ in places], np.int64)


def _rows(boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, np.float64)
    if boxes.ndim == 2 and boxes.shape[1] in LOWS:
        return boxes
    if boxes.size:
        raise InputError(f"boxes of shape {boxes.shape} given; expected (n, 4) or (n, 6)")
    return boxes.reshape(0, 4)
