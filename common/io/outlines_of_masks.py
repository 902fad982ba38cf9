"""Outlines of masks as polygons, holes cut in by a bridge, so that filling them gives the mask back."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree
from skimage.measure import find_contours, points_in_poly

NEIGHBOURS = 16  # corners of a part to which a way from each corner of a hole is tried
STEPS, CLEAR_PX = 129, 0.1


def outlines(mask: np.ndarray) -> list[np.ndarray]:
    """Return a closed polygon (k, 2) of x, y [px] for each part of a mask (h, w); 0 is the centre of the first pixel.

    Parts hang together by their sides. The lines run midway between pixels inside and outside, so that exactly the
    centres of those inside lie within. A hole is reached by a bridge of two lines that lie on each other, which every
    program fills alike, whatever it makes of one outline within another.
    """
    padded = np.pad(np.asarray(mask, bool), 1).astype(np.float32)
    found = [_corners(line[:-1, ::-1] - 1) for line in find_contours(padded, 0.5)]  # high is connected by sides alone
    parts = [line for line in found if _area(line) * _sign() > 0]
    holes = [line for line in found if _area(line) * _sign() < 0]
    for hole in sorted(holes, key=lambda line: -line[:, 0].max()):
        around = [i for i, part in enumerate(parts) if points_in_poly(hole[:1], part)[0]]
        if around:
            i = min(around, key=lambda k: abs(_area(parts[k])))
            parts[i] = _bridged(parts[i], hole)
    return parts


def _bridged(part: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Walk around a part, over to a hole by a short way, around it, and back."""
    distances, nearest = cKDTree(part).query(hole, min(NEIGHBOURS, len(part)))
    ways = [(int(k // distances.shape[1]), int(nearest.flat[k])) for k in np.argsort(distances, axis=None)]
    start, end = next((way for way in ways if _is_between_centres(hole[way[0]], part[way[1]])), ways[0])
    around = np.roll(hole, -start, axis=0)
    return np.concatenate([part[: end + 1], around, around[:1], part[end:]])


def _is_between_centres(first: np.ndarray, last: np.ndarray) -> bool:
    """Say whether no centre of a pixel lies on a way: programs would not agree on which side that is."""
    way = first + np.linspace(0, 1, STEPS)[:, None] * (last - first)
    return bool(np.hypot(*(way - np.round(way)).T).min() > CLEAR_PX)


def _corners(line: np.ndarray) -> np.ndarray:
    """Leave out points of a closed line that lie straight between their neighbours."""
    before, after = line - np.roll(line, 1, axis=0), np.roll(line, -1, axis=0) - line
    turns = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return line[np.abs(turns) > 1e-9]


def _area(line: np.ndarray) -> float:
    """Return the area within a closed line, negative where it runs the other way."""
    x, y = line.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _sign() -> float:
    """Return the sign of the area of what is inside, by the way find_contours() walks."""
    return 1.0 if _area(find_contours(np.pad(np.ones((1, 1), np.float32), 1), 0.5)[0][:-1, ::-1]) > 0 else -1.0
