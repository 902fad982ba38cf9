"""RoIAlign as two matrix products per level: a region's cells are weighted sums of a map's rows and columns.

Bilinear sampling on a grid parallel to the axes is separable. The weights of rows and of columns depend on the region
alone; they are made here, once, for both frameworks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.common.boxes import area

from .config import STRIDES

CANONICAL_LEVEL = 2  # of stride 16, which regions of the canonical side are read from
READ_LEVELS = 4  # the coarsest map serves proposals only


@dataclass(frozen=True, eq=False)
class Part:
    """The regions of one picture that are read from one level.

    rows: (k, bins, h), columns: (k, w, bins) float32 weights.
    """

    picture: int
    level: int
    rows: np.ndarray
    columns: np.ndarray


def levels_of(regions: np.ndarray, canonical_px: float) -> np.ndarray:
    """Return the level (n,) that each region is read from, by its size (Lin et al. 2017, eq. 1)."""
    side = np.sqrt(area(regions))
    level = np.floor(CANONICAL_LEVEL + np.log2(side / canonical_px + 1e-8))
    return np.clip(level, 0, READ_LEVELS - 1).astype(np.int64)


def plan(regions: np.ndarray, pictures: np.ndarray, levels: np.ndarray, size: tuple[int, int], bins: int) -> list[Part]:
    """Return the weights that pool regions (n, 4), sorted by picture and level, to bins x bins cells each.

    size: (h, w) [px] of the canvas.
    """
    parts = []
    for picture, level in sorted(set(zip(pictures.tolist(), levels.tolist(), strict=True))):
        own = regions[(pictures == picture) & (levels == level)] / STRIDES[level]
        h, w = (-(-side // STRIDES[level]) for side in size)
        rows = bin_weights(own[:, 1], own[:, 3], bins, h)
        columns = bin_weights(own[:, 0], own[:, 2], bins, w)
        parts.append(Part(picture, level, rows, np.ascontiguousarray(columns.transpose(0, 2, 1))))
    return parts


def bin_weights(low: np.ndarray, high: np.ndarray, bins: int, length: int) -> np.ndarray:
    """Return how much each of `length` cells counts in each bin of intervals (k,), as (k, bins, length) float32.

    A bin averages samples at even distances of at most one cell; between two cells' middles both count, beyond the
    outer ones the outer one, and more than a cell outside nothing does (detectron2's aligned RoIAlign).
    """
    size = (high - low) / bins
    count = np.maximum(np.ceil(size), 1)
    index = np.arange(int(count.max(initial=1)))
    inner = (index + 0.5) / count[:, None, None]
    at = (low - 0.5)[:, None, None] + (np.arange(bins)[:, None] + inner) * size[:, None, None]
    counted = (index < count[:, None, None]) & (at >= -1) & (at <= length)
    at = np.clip(at, 0, length - 1)
    first = np.minimum(np.floor(at), length - 1).astype(np.int64)
    share = at - first
    each = counted / count[:, None, None]
    row = (np.arange(len(low))[:, None, None] * bins + np.arange(bins)[:, None]) * length
    places = np.concatenate([row + first, row + np.minimum(first + 1, length - 1)], axis=2)
    weights = np.concatenate([each * (1 - share), each * share], axis=2)
    total = np.bincount(places.ravel(), weights.ravel(), minlength=len(low) * bins * length)
    return total.reshape(len(low), bins, length).astype(np.float32)


def crop_masks(masks: Sequence[np.ndarray], regions: np.ndarray, side: int) -> np.ndarray:
    """Return what regions (n, 4) [px] see of their masks (h, w): (n, side, side) float32, 0 or 1."""
    crops = np.zeros((len(regions), side, side), np.float32)
    for i, (mask, region) in enumerate(zip(masks, regions, strict=True)):
        h, w = mask.shape
        (rows,) = bin_weights(region[1:2], region[3:4], side, h)
        (columns,) = bin_weights(region[0:1], region[2:3], side, w)
        crops[i] = rows @ mask.astype(np.float32) @ columns.T >= 0.5
    return crops
