"""From a mask to an ellipse: by moments, by its outline, or by the part of its outline that is an ellipse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from zoo.common.ellipses import geometry

OUTLINE_PX = 0.5  # the middles of the outermost pixels lie this far inside the true boundary
DRAWS, SAMPLE = 200, 8  # random subsets of the outline, and the points of each
INLIER_PX = 1.5  # distance from an ellipse within which a point belongs to it


def largest_part(mask: np.ndarray) -> np.ndarray:
    """Keep the largest connected part (touching by a side) of a mask (h, w), with its holes filled."""
    parts, count = ndimage.label(mask)
    if not count:
        return np.zeros(mask.shape, bool)
    sizes = np.bincount(parts.ravel())
    return np.asarray(ndimage.binary_fill_holes(parts == 1 + np.argmax(sizes[1:])))


def outline(mask: np.ndarray) -> np.ndarray:
    """Return the outermost pixels of a mask (h, w) as (n, 2) x, y; not those on the picture's rim, which cuts it."""
    inner = ndimage.binary_erosion(mask, border_value=1)
    rim = np.zeros(mask.shape, bool)
    rim[1:-1, 1:-1] = True
    ys, xs = np.nonzero(mask & ~inner & rim)
    return np.stack([xs, ys], axis=-1).astype(np.float64)


def fit_moments(mask: np.ndarray, label: float = 0) -> np.ndarray:
    """Return the ellipse (6,) with the area's centre and second moments: without bias for a whole ellipse."""
    return geometry.fit_moments(mask, label)


def fit_contour(mask: np.ndarray, label: float = 0) -> np.ndarray:
    """Return the ellipse (6,) nearest to the outline by least squares: for masks cut off by the picture's rim."""
    return _grown(geometry.fit_points(outline(mask), label))


def fit_ransac(mask: np.ndarray, label: float = 0) -> np.ndarray:
    """Return the ellipse (6,) that most of the outline agrees with: for masks with a bite or a bulge.

    Random subsets (Fischler and Bolles 1981) from a fixed seed: one mask always gives one answer.
    """
    points = outline(mask)
    rng = np.random.default_rng(0)
    best, agreed = geometry.fit_points(points, label), np.ones(len(points), bool)
    support = int(_near(points, best).sum())
    for _ in range(DRAWS if len(points) >= SAMPLE else 0):
        candidate = geometry.fit_points(points[rng.choice(len(points), SAMPLE, replace=False)], label)
        near = _near(points, candidate)
        if near.sum() > support:
            support, agreed = int(near.sum()), near
    return _grown(geometry.fit_points(points[agreed], label))


FITS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "moments": fit_moments,
    "contour": fit_contour,
    "ransac": fit_ransac,
}


def _grown(row: np.ndarray) -> np.ndarray:
    return row + np.array([0, 0, 0, OUTLINE_PX, OUTLINE_PX, 0])


def _near(points: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Whether points (n, 2) lie within INLIER_PX of an ellipse; nowhere where there is none."""
    if not np.isfinite(row).all() or row[4] < 1:
        return np.zeros(len(points), bool)
    spokes = np.linalg.solve(geometry.axes(row)[0], (points - row[1:3]).T).T  # here the ellipse is the unit circle
    radius = np.linalg.norm(spokes, axis=1)
    # distance along the ray to the centre, which is a little more than the distance to the curve
    return np.abs(1 - 1 / np.maximum(radius, 1e-6)) * np.linalg.norm(points - row[1:3], axis=1) < INLIER_PX
