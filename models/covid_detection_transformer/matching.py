"""Which query answers for which object (Carion et al. 2020, eq. 1)."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import expit, softmax

from zoo.common.boxes import corners, from_centre_size
from zoo.common.types import Arrays

from .config import Config

NOBODY = -1  # label of a row that only fills up the array
IMPOSSIBLE = 1e6  # cost in place of what is not finite; the loss tells of that


def match(logits: np.ndarray, boxes: np.ndarray, targets: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Give every query of every layer what it is compared with.

    logits: (n, layers, q, values). boxes: (n, layers, q, 4), centres and sides. targets: labels (n, m), places
    (n, m, 4), aside (n, a, 4), see targets.encode. Returns arrays (n, layers, q): is_matched, 0 or 1; label, without an
    object the last value of plain DETR; weight, 0 for those without an object that lie in a region which does not
    count; and place (n, layers, q, 4), what the boxes should be.
    """
    logits, boxes = np.asarray(logits, np.float64), np.asarray(boxes, np.float64)
    costs = match_costs(logits, boxes, targets, config)
    shape = boxes.shape[:3]
    found = {
        "is_matched": np.zeros(shape, np.float32),
        "label": np.full(shape, len(config.classes) if config.is_plain else 0, np.int32),
        "place": np.full((*shape, 4), (0.5, 0.5, 1, 1), np.float32),
        "weight": 1 - _is_aside(boxes, targets["aside"]).astype(np.float32),
    }
    for i, labels in enumerate(targets["labels"]):
        count = int((labels != NOBODY).sum())  # objects come first
        for layer in range(shape[1] if count else 0):
            queries, objects = linear_sum_assignment(costs[i, layer, :, :count])
            found["is_matched"][i, layer, queries] = found["weight"][i, layer, queries] = 1
            found["label"][i, layer, queries] = labels[objects]
            found["place"][i, layer, queries] = targets["places"][i, objects]
    return found


def match_costs(logits: np.ndarray, boxes: np.ndarray, targets: Arrays, config: Config) -> np.ndarray:
    """Return the cost (n, layers, q, m) of every pair."""
    sure = softmax(logits, axis=-1) if config.is_plain else expit(logits)
    labels = np.maximum(targets["labels"], 0).astype(int)
    likely = np.stack([sure[i][..., labels[i]] for i in range(len(labels))])
    places = np.asarray(targets["places"], np.float64)[:, None, None]
    distance = np.abs(boxes[:, :, :, None] - places).sum(axis=-1)
    by_class, by_distance, by_overlap = config.gains
    costs = -by_class * likely + by_distance * distance - by_overlap * generalised_iou(boxes[:, :, :, None], places)
    return np.nan_to_num(costs, nan=IMPOSSIBLE, posinf=IMPOSSIBLE, neginf=-IMPOSSIBLE)


def generalised_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return GIoU (Rezatofighi et al. 2019) of boxes (..., 4) given by centre and sides."""
    low, high = first[..., :2] - first[..., 2:] / 2, first[..., :2] + first[..., 2:] / 2
    other_low, other_high = second[..., :2] - second[..., 2:] / 2, second[..., :2] + second[..., 2:] / 2
    shared = np.maximum(np.minimum(high, other_high) - np.maximum(low, other_low), 0).prod(axis=-1)
    union = first[..., 2:].prod(axis=-1) + second[..., 2:].prod(axis=-1) - shared
    around = (np.maximum(high, other_high) - np.minimum(low, other_low)).prod(axis=-1)
    return shared / union - (around - union) / around


def _is_aside(boxes: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Tell which centres of (n, layers, q, 4) lie in one of the regions (n, a, 4), centres and sides."""
    low, high = corners(from_centre_size(np.asarray(regions, np.float64).reshape(-1, 4)))
    low, high = (side.reshape(len(boxes), 1, 1, -1, 2) for side in (low, high))
    centres = boxes[:, :, :, None, :2]
    return ((centres > low) & (centres < high)).all(axis=-1).any(axis=-1)
