"""Scores of heat maps that should show where something is: pixel curves, the peak, the box.

Maps are (h, w) scores, masks (h, w) of the true region. The curves are exact for scores of 256 levels, which a
histogram holds whatever the number of pixels; no sorting of millions of scores.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from zoo.common.boxes import iou
from zoo.common.errors import InputError

LEVELS = 256
NAN = float("nan")


def quantise(scores: np.ndarray) -> np.ndarray:
    """Turn scores in [0, 1] into levels 0..255, floor(255 s), beyond clipped; uint8 is taken as levels already."""
    if scores.dtype == np.uint8:
        return scores
    if np.isnan(scores).any():
        raise InputError("a map with NaN given; expected finite scores")
    return np.floor(np.clip(scores, 0, 1) * (LEVELS - 1)).astype(np.uint8)


def count_levels(mask: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Count (2, 256) pixels per level: row 0 outside the mask, row 1 inside. Add the counts of images to pool them."""
    if mask.shape != scores.shape:
        raise InputError(f"mask of shape {mask.shape} and map of {scores.shape} given; expected equal shapes")
    cells = quantise(scores).ravel() + LEVELS * (np.asarray(mask).ravel() != 0)
    return np.bincount(cells, minlength=2 * LEVELS).reshape(2, LEVELS)


def pixel_pr_auc(counts: np.ndarray) -> float:
    """Area under the precision-recall curve by trapezoids, from (recall 0, precision 1); nan without true pixels.

    This is the "AUC" of the published lesion localisers; it lies above the average precision by interpolation.
    counts: (2, 256) of `count_levels`. Equals scikit-learn's `auc` of its `precision_recall_curve`.
    """
    precision, recall = _precision_recall(counts)
    return float(((recall[1:] - recall[:-1]) * (precision[1:] + precision[:-1]) / 2).sum()) if len(recall) else NAN


def pixel_average_precision(counts: np.ndarray) -> float:
    """Sum of (R_i - R_{i-1}) P_i over the levels from the top, without interpolation; nan without true pixels."""
    precision, recall = _precision_recall(counts)
    return float((np.diff(recall) * precision[1:]).sum()) if len(recall) else NAN


def pixel_roc_auc(counts: np.ndarray) -> float:
    """Probability that a true pixel outscores another, ties half (Mann and Whitney); nan unless both kinds occur."""
    negatives, positives = np.asarray(counts, np.float64)
    below = np.cumsum(negatives) - negatives / 2
    pairs = positives.sum() * negatives.sum()
    return float((positives * below).sum() / pairs) if pairs else NAN


def peak_hit(scores: np.ndarray, mask: np.ndarray, tolerance_px: float = 0.0) -> float:
    """Tell whether the map's maximum lies in the mask or within `tolerance_px` of it: 1 or 0; nan if that is empty.

    The pointing game (Zhang et al. 2018, with 15 px). Equal maxima count by the share that hits, so that a constant map
    earns what guessing would, and no result depends on the order of pixels.
    """
    mask = np.asarray(mask) != 0
    if not mask.any():
        return NAN
    if np.isnan(scores).any():
        raise InputError("a map with NaN given; expected finite scores")
    is_near = ndimage.distance_transform_edt(~mask) <= tolerance_px if tolerance_px > 0 else mask
    return float(is_near[scores == scores.max()].mean())


def box_from_map(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Box the largest region above `threshold` of the maximum, as TS-CAM does (Gao et al. 2021).

    The map is scaled to [0, 1], cut to 8 bits and kept where it exceeds int(threshold * max); regions connect over
    corners and are compared by area with holes filled. Returns (1, 4) x1, y1, x2, y2 [px], x2 and y2 one past the last
    pixel; (0, 4) when the map is constant and shows nothing.
    """
    scores = np.asarray(scores, np.float64)
    span = np.ptp(scores) if scores.size else 0.0
    if not span > 0:
        return np.zeros((0, 4))
    levels = np.floor((scores - scores.min()) / span * (LEVELS - 1))
    labels, n = ndimage.label(levels > int(threshold * levels.max()), np.ones((3, 3)))
    places = ndimage.find_objects(labels)
    areas = [ndimage.binary_fill_holes(labels[place] == i + 1).sum() for i, place in enumerate(places)]
    if not n:
        return np.zeros((0, 4))
    y, x = places[int(np.argmax(areas))]
    return np.array([[x.start, y.start, x.stop, y.stop]], np.float64)


def box_hit(found: np.ndarray, true: np.ndarray, threshold: float = 0.5, offset: float = 0.0) -> float:
    """Tell whether any found box overlaps any true one with IoU above `threshold`: 1 or 0; nan without a true box.

    found: (n, 4), true: (m, 4), see common/boxes.py. No found box is a miss, 0. TS-CAM's offset is 1.
    """
    if not len(true):
        return NAN
    return float(len(found) > 0 and iou(found, true, offset).max() > threshold)


def _precision_recall(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Walk down the levels; return precision and recall from (1, 0) on, empty without true pixels."""
    negatives, positives = np.cumsum(np.asarray(counts, np.float64)[:, ::-1], axis=1)
    if not positives[-1]:
        return np.zeros(0), np.zeros(0)
    is_called = positives + negatives > 0
    positives, negatives = positives[is_called], negatives[is_called]
    precision = np.append(1.0, positives / (positives + negatives))
    return precision, np.append(0.0, positives / positives[-1])
