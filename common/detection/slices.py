"""Boxes of the slices of a volume, merged into objects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.common.boxes import corners, join_corners

LEAST_MM = 5.0  # boxes whose centres are closer than this, or than half a box, are one object

Found = tuple[np.ndarray, np.ndarray, np.ndarray]  # boxes (k, 4), labels (k,), scores (k,)


def merge_slices(slices: Sequence[Found], spacing_mm: Sequence[float] | None) -> Found:
    """Merge the boxes of slices into boxes (k, 6) with labels and scores, best first.

    Greedy by score: a box joins an object of its class whose weighted middle is closer than max(5 mm, half the box's
    longer side); the middle and the sides of an object are the means of its boxes weighted by score, its score is the
    best, and it reaches over the slices of its boxes. Where spacing_mm (d, h, w) is unknown a voxel counts as 1 mm.
    """
    depth = np.concatenate([np.full(len(boxes), i) for i, (boxes, _, _) in enumerate(slices)])
    boxes = np.concatenate([np.asarray(boxes, np.float64).reshape(-1, 4) for boxes, _, _ in slices])
    labels, scores = (np.concatenate([np.asarray(found[k]) for found in slices]) for k in (1, 2))
    scale = np.array(spacing_mm[::-1] if spacing_mm is not None else (1.0, 1.0, 1.0))
    low, high = corners(boxes)
    places = np.column_stack([(low + high) / 2, depth + 0.5]) * scale
    reach = np.maximum(LEAST_MM, ((high - low) * scale[:2]).max(axis=1, initial=0) / 2)
    groups: list[list[int]] = []
    middles: list[np.ndarray] = []
    for i in np.argsort(-scores, kind="stable"):
        near = [
            float(np.linalg.norm(middle - places[i])) if labels[group[0]] == labels[i] else np.inf
            for middle, group in zip(middles, groups, strict=True)
        ]
        best = int(np.argmin(near)) if near else -1
        if best >= 0 and near[best] < reach[i]:
            groups[best].append(int(i))
            middles[best] = np.average(places[groups[best]], axis=0, weights=np.maximum(scores[groups[best]], 1e-9))
        else:
            groups.append([int(i)])
            middles.append(places[i])
    merged = [_merged(boxes[group], depth[group], scores[group]) for group in groups]
    first = [group[0] for group in groups]
    return np.array(merged).reshape(-1, 6), labels[first].astype(np.int64), scores[first]


def _merged(boxes: np.ndarray, depth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    low, high = corners(np.average(boxes, axis=0, weights=np.maximum(scores, 1e-9))[None])
    ends = np.array([[depth.min()]], float), np.array([[depth.max() + 1]], float)
    return np.asarray(join_corners(np.hstack([low, ends[0]]), np.hstack([high, ends[1]])))[0]
