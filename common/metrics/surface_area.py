"""Surface scores weighted by area: the surface lies between voxels and each of its elements knows its size.

An element sits where 2 x 2 (x 2) voxels meet and differ; its area [mm²] (2D: length [mm]) is that of marching cubes
through the middle of the edges. Nikolov et al. 2021, as DeepMind's surface-distance and MONAI's subvoxels in 2D and 3D.
pymia counts the flat sides of a 2D mask, too, so its 2D values differ. Empty masks as in surface.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, label

from zoo.common.errors import InputError
from zoo.common.metrics.surface import INF, NAN, SurfaceDistances, prepare


@dataclass(frozen=True, eq=False)
class ElementDistances(SurfaceDistances):
    """From each surface element of one mask to the nearest of the other [mm], with its area; inf if that one is empty.

    prediction_area, reference_area: (k,), in the order of the distances from each.
    """

    prediction_area: np.ndarray
    reference_area: np.ndarray


def element_distances(
    reference: np.ndarray, prediction: np.ndarray, spacing_mm: Sequence[float] | None = None
) -> ElementDistances:
    """Measure both ways between the surfaces of two masks of equal shape, 2D or 3D."""
    masks, spacing = prepare(reference, prediction, spacing_mm)
    if masks[0].ndim not in (2, 3):
        raise InputError(f"masks of {masks[0].ndim} axes given; expected 2 or 3")
    areas = element_areas(tuple(spacing))
    codes = [_codes(mask) for mask in masks]
    surfaces = [(code > 0) & (code < len(areas) - 1) for code in codes]
    ways, sizes = [], []
    for start, goal in ((1, 0), (0, 1)):
        if surfaces[goal].any():
            distances = distance_transform_edt(~surfaces[goal], sampling=spacing)[surfaces[start]]
        else:
            distances = np.full(np.count_nonzero(surfaces[start]), INF)
        ways.append(distances)
        sizes.append(areas[codes[start][surfaces[start]]])
    return ElementDistances(*ways, *sizes)


def surface_dice(d: ElementDistances, tolerance_mm: float, empty: float = NAN) -> float:
    """Share of the area of both surfaces within the tolerance of the other one, 0..1; a miss is 0."""
    if d.is_empty:
        return empty
    within = d.prediction_area[d.from_prediction <= tolerance_mm].sum()
    within += d.reference_area[d.from_reference <= tolerance_mm].sum()
    return float(within / (d.prediction_area.sum() + d.reference_area.sum()))


def surface_overlap(d: ElementDistances, tolerance_mm: float) -> tuple[float, float]:
    """Share of the prediction's area, and of the reference's, near the other; nan for an empty mask."""
    shares = []
    for distances, area in ((d.from_prediction, d.prediction_area), (d.from_reference, d.reference_area)):
        shares.append(float(area[distances <= tolerance_mm].sum() / area.sum()) if len(area) else NAN)
    return shares[0], shares[1]


def hausdorff_percentile(
    d: ElementDistances, percentile: float = 95.0, empty: float = NAN, missed: float = INF
) -> float:
    """Distance [mm] within which this percentage of the area lies, the larger of both ways; below HD95 by voxels."""
    if d.is_empty or d.is_missed:
        return empty if d.is_empty else missed
    worst = 0.0
    for distances, area in ((d.from_prediction, d.prediction_area), (d.from_reference, d.reference_area)):
        order = np.argsort(distances)
        share = np.cumsum(area[order]) / area.sum()
        index = min(int(np.searchsorted(share, percentile / 100)), len(order) - 1)
        worst = max(worst, float(distances[order][index]))
    return worst


def element_areas(spacing_mm: tuple[float, ...]) -> np.ndarray:
    """List the area per neighbourhood: bit i of the index is the i-th of the 2 x 2 (x 2) voxels in C order."""
    corners = np.array(list(itertools.product((0, 1), repeat=len(spacing_mm))))
    areas = np.zeros(1 << len(corners))
    for code in range(1, len(areas) - 1):
        inside = np.array([code >> i & 1 for i in range(len(corners))])
        # the surface is cut around the smaller set of voxels, so a mask and its complement have the same area
        smaller = inside if 2 * inside.sum() <= len(corners) else 1 - inside
        parts, n = label(smaller.reshape((2,) * len(spacing_mm)))
        areas[code] = sum(_part_area(corners[parts.ravel() == i + 1], np.array(spacing_mm)) for i in range(n))
    return areas


def _part_area(part: np.ndarray, spacing: np.ndarray) -> float:
    """Area around voxels that hang together by faces, at most half of the neighbourhood: corner, edge, L, square..."""
    spread = np.ptp(part, axis=0) > 0
    if len(spacing) == 2:
        return float(np.linalg.norm(spacing) / 2 if len(part) == 1 else spacing[spread][0])
    x, y, z = spacing
    corner = float(np.sqrt((x * y) ** 2 + (y * z) ** 2 + (z * x) ** 2) / 8)
    if len(part) == 1:
        return corner
    if len(part) == 2:
        return float(spacing[spread][0] * np.linalg.norm(spacing[~spread]) / 2)
    if len(part) == 3:
        return float(np.prod(spacing[spread]) / 2) + 3 * corner
    if spread.sum() == 2:
        return float(np.prod(spacing[spread]))
    neighbours = (np.abs(part[:, None] - part[None]).sum(2) == 1).sum(1)
    if neighbours.max() == 3:
        return 6 * corner
    middle = np.ptp(part[neighbours == 2], axis=0) > 0  # a path of four: its two inner voxels differ along this axis
    (a, b), m = spacing[~middle], spacing[middle][0]
    return 4 * corner + float(a * np.hypot(b, m) + b * np.hypot(a, m)) / 4


def _codes(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, 1).astype(np.uint8)
    codes = np.zeros([n + 1 for n in mask.shape], np.uint8)
    for i, offset in enumerate(itertools.product((0, 1), repeat=mask.ndim)):
        corner = padded[tuple(slice(o, o + n + 1) for o, n in zip(offset, mask.shape, strict=True))]
        codes |= np.left_shift(corner, i, dtype=np.uint8)
    return codes
