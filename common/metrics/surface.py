"""Distances between the borders of two masks, measured once and read by every score.

Border: foreground voxels with a face neighbour that is background or outside the image, as in medpy and MONAI;
distances run between voxel centres. Areas between voxels: surface_area.py. Both masks empty: `empty` (nan leaves the
case out of a mean); one empty: `missed`, inf unless a penalty is stated (the diagonal of the image, say), so that a
miss never improves a mean. MONAI's HD95 is nan there, PyMIC's command clips at 50: do not compare with those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from zoo.common.errors import ConfigError, InputError

NAN, INF = float("nan"), float("inf")
TREE_COST = 12  # querying a border voxel in a tree costs as much as about this many voxels of a distance map


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """From each border voxel of one mask to the nearest border voxel of the other [mm]; inf if that one is empty.

    from_prediction, from_reference: (k,), unsorted; empty if the mask they start from is.
    """

    from_prediction: np.ndarray
    from_reference: np.ndarray

    @property
    def is_empty(self) -> bool:
        """Both masks are empty."""
        return not len(self.from_prediction) and not len(self.from_reference)

    @property
    def is_missed(self) -> bool:
        """Exactly one mask is empty."""
        return (not len(self.from_prediction)) != (not len(self.from_reference))


def surface_distances(
    reference: np.ndarray, prediction: np.ndarray, spacing_mm: Sequence[float] | None = None
) -> SurfaceDistances:
    """Measure both ways between two masks of equal shape, 2D or 3D, spacing in the order of the axes (1 if None)."""
    masks, spacing = prepare(reference, prediction, spacing_mm)
    borders = [border(mask) for mask in masks]
    points = [np.argwhere(edge) for edge in borders]
    if not all(len(p) for p in points):
        ways = [np.full(len(p), INF) for p in points]
    elif TREE_COST * sum(len(p) for p in points) < 2 * masks[0].size:
        ways = [_by_tree(points[0] * spacing, points[1] * spacing), _by_tree(points[1] * spacing, points[0] * spacing)]
    else:
        ways = [_by_map(points[0], borders[1], spacing), _by_map(points[1], borders[0], spacing)]
    return SurfaceDistances(from_prediction=ways[1], from_reference=ways[0])


def hausdorff(d: SurfaceDistances, empty: float = NAN, missed: float = INF) -> float:
    """Largest distance of either way [mm] (Huttenlocher et al. 1993)."""
    return _score(d, lambda: max(d.from_prediction.max(), d.from_reference.max()), empty, missed)


def hausdorff_percentile(
    d: SurfaceDistances,
    percentile: float = 95.0,
    convention: str = "directed_max",
    empty: float = NAN,
    missed: float = INF,
) -> float:
    """Percentile of the border distances [mm], HD95 by default, under a convention of PERCENTILES.

    "directed_max": the larger of the two directed percentiles (Huttenlocher et al. 1993; MONAI, Metrics Reloaded).
    "pooled": the percentile of both ways thrown together (medpy), lower whenever one way is worse.
    "rank": the larger of the two distances of rank int(q n), without interpolation (PyMIC).
    """
    if convention not in PERCENTILES:
        raise ConfigError(f"convention {convention!r} given; expected one of {', '.join(PERCENTILES)}")
    return _score(d, lambda: PERCENTILES[convention](d, percentile), empty, missed)


def assd(d: SurfaceDistances, empty: float = NAN, missed: float = INF) -> float:
    """Average symmetric surface distance [mm]: sum of both ways over the number of both (Heimann et al. 2009).

    medpy 0.4.0 returned under this name what is masd() here.
    """
    total = len(d.from_prediction) + len(d.from_reference)
    return _score(d, lambda: (d.from_prediction.sum() + d.from_reference.sum()) / total, empty, missed)


def masd(d: SurfaceDistances, empty: float = NAN, missed: float = INF) -> float:
    """Mean of the two directed mean distances [mm]."""
    return _score(d, lambda: (d.from_prediction.mean() + d.from_reference.mean()) / 2, empty, missed)


def directed_means(d: SurfaceDistances, empty: float = NAN, missed: float = INF) -> tuple[float, float]:
    """Mean distance from the prediction to the reference, and back [mm]."""
    there = _score(d, lambda: d.from_prediction.mean(), empty, missed)
    return there, _score(d, lambda: d.from_reference.mean(), empty, missed)


def surface_dice(d: SurfaceDistances, tolerance_mm: float, empty: float = NAN) -> float:
    """Share of the border voxels of both masks that lie within the tolerance of the other border, 0..1.

    Nikolov et al. 2021, counted in voxels as MONAI does by default; by area: surface_area.py. A miss is 0.
    """
    within = np.count_nonzero(d.from_prediction <= tolerance_mm) + np.count_nonzero(d.from_reference <= tolerance_mm)
    return empty if d.is_empty else within / (len(d.from_prediction) + len(d.from_reference))


def set_distances(
    reference: np.ndarray, prediction: np.ndarray, spacing_mm: Sequence[float] | None = None
) -> SurfaceDistances:
    """Measure from every voxel of each mask, not only its border, to the nearest voxel of the other: 0 inside it.

    The sets of average_hausdorff(), as in SimpleITK and EvaluateSegmentation.
    """
    (first, second), spacing = prepare(reference, prediction, spacing_mm)
    ways = []
    for start, goal in ((second, first), (first, second)):
        if goal.any():
            ways.append(distance_transform_edt(~goal, sampling=spacing)[start])
        else:
            ways.append(np.full(np.count_nonzero(start), INF))
    return SurfaceDistances(from_prediction=ways[0], from_reference=ways[1])


def average_hausdorff(d: SurfaceDistances, empty: float = NAN, missed: float = INF) -> float:
    """Larger of the two mean distances [mm] of set_distances() (Taha and Hanbury 2015).

    SimpleITK and pymia return their mean instead: masd() of the same set_distances().
    """
    return _score(d, lambda: max(d.from_prediction.mean(), d.from_reference.mean()), empty, missed)


def border(mask: np.ndarray) -> np.ndarray:
    """Mark the voxels of a mask that have a face neighbour outside it or outside the image."""
    inner = mask.copy()
    for axis in range(mask.ndim):
        view, source = np.moveaxis(inner, axis, 0), np.moveaxis(mask, axis, 0)
        view[1:] &= source[:-1]
        view[:-1] &= source[1:]
        view[:1] = False
        view[-1:] = False
    return mask & ~inner


def prepare(
    reference: np.ndarray, prediction: np.ndarray, spacing_mm: Sequence[float] | None
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Check two masks and cut both to the box around their union; beyond it no distance starts or ends."""
    first, second = np.asarray(reference, bool), np.asarray(prediction, bool)
    if first.shape != second.shape:
        raise InputError(f"reference {first.shape} and prediction {second.shape} differ in shape; resample one of them")
    spacing = np.ones(first.ndim) if spacing_mm is None else np.asarray(spacing_mm, np.float64)
    if spacing.shape != (first.ndim,) or not (np.isfinite(spacing) & (spacing > 0)).all():
        raise InputError(f"spacing {spacing_mm} given; expected {first.ndim} positive numbers [mm], one per axis")
    for axis in range(first.ndim):
        other = tuple(i for i in range(first.ndim) if i != axis)
        used = np.flatnonzero(first.any(other) | second.any(other))
        part = (slice(None),) * axis + (slice(used[0], used[-1] + 1) if len(used) else slice(0, 0),)
        first, second = first[part], second[part]
    return (np.ascontiguousarray(first), np.ascontiguousarray(second)), spacing


def _directed_max(d: SurfaceDistances, q: float) -> float:
    return max(np.percentile(d.from_prediction, q), np.percentile(d.from_reference, q))


def _pooled(d: SurfaceDistances, q: float) -> float:
    return float(np.percentile(np.concatenate([d.from_prediction, d.from_reference]), q))


def _rank(d: SurfaceDistances, q: float) -> float:
    ways = (d.from_prediction, d.from_reference)
    return max(np.sort(way)[min(int(q * len(way) / 100), len(way) - 1)] for way in ways)


PERCENTILES: dict[str, Callable[[SurfaceDistances, float], float]] = {
    "directed_max": _directed_max,
    "pooled": _pooled,
    "rank": _rank,
}


def _score(d: SurfaceDistances, measure: Callable[[], float], empty: float, missed: float) -> float:
    if d.is_empty:
        return empty
    return missed if d.is_missed else float(measure())


def _by_tree(start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    return cKDTree(goal, balanced_tree=False, compact_nodes=False).query(start)[0]


def _by_map(start: np.ndarray, goal: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    return distance_transform_edt(~goal, sampling=spacing)[tuple(start.T)]
