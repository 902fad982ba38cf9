"""Peaks of maps: one point for each, more exact than the grid, in memory that does not grow with the maps."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

STRIP = 512  # rows that are looked at together
NEXT = 1.5  # px between two pixels that touch, at most
LEAST = 1e-6  # value that a logarithm sees


def find_peaks(maps: np.ndarray, radius_px: int, distance_px: float, lowest: float) -> np.ndarray:
    """List the peaks of maps (classes, h, w) in [0, 1]: rows (class, x, y, score), the highest first.

    A peak is the largest value within `radius_px` along both axes, at least `lowest` and not of a plain: a picture of
    one colour has none. Pixels of equal height that touch are one peak, at their middle. Of two peaks nearer than
    `distance_px`, of whatever classes, only the higher stays: a cell is one thing and of one class.
    """
    found = [np.zeros((0, 4))]
    for kind, heat in enumerate(maps):
        rows, columns = _highest(heat, radius_px, lowest)
        if len(rows):
            x, y, score = _merged(heat, rows, columns)
            found.append(np.column_stack([np.full(len(x), float(kind)), x, y, score]))
    return keep_highest(np.concatenate(found), distance_px)


def keep_highest(peaks: np.ndarray, distance_px: float) -> np.ndarray:
    """Drop every row (class, x, y, score) that is nearer than `distance_px` to a higher one that stays."""
    peaks = peaks[np.lexsort((peaks[:, 1], peaks[:, 2], peaks[:, 0], -peaks[:, 3]))]
    if len(peaks) < 2:
        return peaks
    tree = cKDTree(peaks[:, 1:3])
    kept = np.ones(len(peaks), bool)
    lower: dict[int, list[int]] = {}
    for a, b in tree.query_pairs(np.nextafter(distance_px, 0)):
        lower.setdefault(min(a, b), []).append(max(a, b))
    for higher in sorted(lower):
        if kept[higher]:
            kept[lower[higher]] = False
    return peaks[kept]


def _highest(heat: np.ndarray, radius: int, lowest: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns of the pixels that are the largest around."""
    rows, columns, size = [], [], 2 * radius + 1
    for start in range(0, len(heat), STRIP):
        first = max(0, start - radius)
        strip = np.asarray(heat[first : start + STRIP + radius], np.float32)
        largest = ndimage.maximum_filter(strip, size, mode="nearest")
        is_peak = (strip == largest) & (strip >= lowest)
        if is_peak.any():
            is_peak &= ndimage.minimum_filter(strip, size, mode="nearest") < largest
        y, x = np.nonzero(is_peak[start - first : start - first + STRIP])
        rows.append(y + start)
        columns.append(x)
    return np.concatenate(rows), np.concatenate(columns)


def _merged(heat: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join pixels that touch to one peak; return x, y and score."""
    places = np.column_stack([columns, rows]).astype(np.float64)
    offsets = np.column_stack([_summit(heat, rows, columns, 0, 1), _summit(heat, rows, columns, 1, 0)])
    pairs = cKDTree(places).query_pairs(NEXT, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), pairs.T.reshape(2, -1)), shape=(len(places), len(places)))
    n, group = connected_components(graph, directed=False)
    count = np.bincount(group, minlength=n)
    exact = places + offsets * (count[group] == 1)[:, None]  # the middle of a plateau needs no curve
    middle = [np.bincount(group, axis, n) / count for axis in exact.T]
    score = np.bincount(group, np.asarray(heat[rows, columns], np.float64), n) / count
    return middle[0], middle[1], score


def _summit(heat: np.ndarray, rows: np.ndarray, columns: np.ndarray, down: int, right: int) -> np.ndarray:
    """Say how far beside its pixel along one axis a peak is, -0.5 to 0.5: a bell's logarithm is a parabola."""
    h, w = heat.shape
    inside = (rows >= down) & (rows < h - down) & (columns >= right) & (columns < w - right)
    y, x = np.where(inside, rows, down), np.where(inside, columns, right)
    if h <= 2 * down or w <= 2 * right:
        return np.zeros(len(rows))
    before, here, after = (
        np.log(np.maximum(np.asarray(heat[y + s * down, x + s * right], np.float64), LEAST)) for s in (-1, 0, 1)
    )
    bend = before - 2 * here + after
    return np.where(inside & (bend < 0), np.clip((before - after) / (2 * np.where(bend < 0, bend, -1)), -0.5, 0.5), 0)
