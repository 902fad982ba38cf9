"""Masks whose borders are wrong: too wide, too narrow, or bent, one of the three by chance."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from zoo.common.transforms import spatial
from zoo.common.transforms.sampling import sample_nearest

CHANGE = (0.2, 0.5)  # of an object's half width, by which its border moves
STRENGTH = (0.6, 1.0)  # of the largest bend that never folds


def wrong_borders(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Widen, narrow or bend all objects of a picture."""
    if not (mask > 0).any():
        return mask.astype(np.int16)
    depth = float(ndimage.distance_transform_edt(mask > 0).max())
    change = max(1, round(depth * rng.uniform(*CHANGE)))
    kind = int(rng.integers(3))
    if kind == 2:
        return bent(mask, 4.0 * depth, float(rng.uniform(*STRENGTH)), rng)
    return widened(mask, change) if kind else narrowed(mask, change)


def widened(mask: np.ndarray, by_px: int) -> np.ndarray:
    """Let each object grow into the background; where two meet, the nearer one takes a pixel."""
    distance, nearest = ndimage.distance_transform_edt(mask == 0, return_indices=True)
    grown = mask[tuple(nearest)]
    return np.where(distance <= by_px, grown, 0).astype(np.int16)


def narrowed(mask: np.ndarray, by_px: int) -> np.ndarray:
    """Take the border of all objects together away, but never all of an object's inside."""
    depth = ndimage.distance_transform_edt(mask > 0)
    return np.where(depth > min(by_px, 0.8 * depth.max()), mask, 0).astype(np.int16)


def bent(mask: np.ndarray, knots_px: float, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Move the borders by a smooth map."""
    move = spatial.elastic(spatial.Frame(mask.shape), max(knots_px, 8.0), strength, rng)
    return sample_nearest(mask[None], move)[0].astype(np.int16)
