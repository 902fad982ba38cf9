"""Random pieces of a labelled volume for training: mostly around a class, turned, scaled, mirrored and recoloured."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from zoo.common.augment.options import Augmentation
from zoo.common.labels import UNKNOWN
from zoo.common.ranges import Angle, NotNegative, ShareBelowOne

TURN_DEG = math.degrees(0.26)
FOREGROUND = 2 / 3  # share of pieces that are centred on a voxel of a class


@dataclass(frozen=True)
class VolumeAugmentation(Augmentation):
    """How far a piece may differ from its volume; each value is drawn evenly between minus and plus its limit."""

    mirror: bool = True  # along the axes that the configuration names in `mirrored`, each in half of the pieces
    rotation_deg: Angle = TURN_DEG  # largest turn, either way, about each axis
    scale: ShareBelowOne = 0.15  # size of the anatomy, as a share, common to all axes
    stretch: ShareBelowOne = 0.05  # and of each axis on its own, as a share
    brightness: NotNegative = 0.2  # added, in standard deviations
    contrast: ShareBelowOne = 0.2  # multiplied, as a share
    gamma: NotNegative = 0.25  # exponent on the logarithmic scale, in half of the pieces
    noise: NotNegative = 0.1  # largest standard deviation of added noise


def random_patch(
    array: np.ndarray,
    mask: np.ndarray,
    size: tuple[int, ...],
    changes: VolumeAugmentation,
    mirrored: tuple[int, ...],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a piece of `size` of a normalised volume (c, d, h, w) and of its labels (d, h, w).

    mirrored: axes (0, 1, 2 for d, h, w) that may be flipped.

    Beyond its borders the volume is mirrored, as it is at prediction. Labels are read by nearest neighbour.
    """
    centre = np.array([_place(n, s, c) for n, s, c in zip(mask.shape, size, _centre(mask, rng), strict=True)])
    matrix = _matrix(changes, mirrored, rng)
    offset = centre - matrix @ ((np.array(size) - 1) / 2)
    piece = np.stack(
        [ndimage.affine_transform(c, matrix, offset, size, order=1, mode="mirror", prefilter=False) for c in array]
    )
    labels = ndimage.affine_transform(mask, matrix, offset, size, order=0, mode="mirror", prefilter=False)
    return _recolour(piece, changes, rng), labels


def _centre(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a voxel: of a random class that is there, or from anywhere."""
    present = np.unique(mask[(mask > 0) & (mask != UNKNOWN)])
    if len(present) and rng.random() < FOREGROUND:
        places = np.flatnonzero(mask == rng.choice(present))
        return np.array(np.unravel_index(rng.choice(places), mask.shape), float)
    return rng.uniform(0, np.array(mask.shape) - 1)


def _place(side: int, window: int, centre: float) -> float:
    """Move a centre so that the window stays inside; the middle where the volume is smaller than the window."""
    half = (window - 1) / 2
    if side <= window:
        return -((window - side) // 2) + half  # as the windows of a prediction lie
    return float(np.clip(centre, half, side - 1 - half))


def _matrix(changes: VolumeAugmentation, mirrored: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw the map from places in the piece to places in the volume."""
    matrix, turn_rad = np.eye(3), math.radians(changes.rotation_deg)
    for axis in range(3):
        angle = rng.uniform(-turn_rad, turn_rad)
        turn = np.eye(3)
        i, j = (other for other in range(3) if other != axis)
        turn[[i, i, j, j], [i, j, i, j]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        matrix = matrix @ turn
    scale = 1 + rng.uniform(-changes.scale, changes.scale)
    stretch = 1 + rng.uniform(-changes.stretch, changes.stretch, 3)
    signs = np.array([-1.0 if axis in mirrored and rng.random() < 0.5 and changes.mirror else 1.0 for axis in range(3)])
    return matrix @ np.diag(signs / (scale * stretch))


def _recolour(piece: np.ndarray, changes: VolumeAugmentation, rng: np.random.Generator) -> np.ndarray:
    gain = 1 + rng.uniform(-changes.contrast, changes.contrast)
    piece = piece * gain + rng.uniform(-changes.brightness, changes.brightness)
    if rng.random() < 0.5 and changes.gamma:
        low, span = piece.min(), max(float(np.ptp(piece)), 1e-6)
        piece = ((piece - low) / span) ** np.exp(rng.uniform(-changes.gamma, changes.gamma)) * span + low
    noise = rng.uniform(0, changes.noise)
    return (piece + noise * rng.standard_normal(piece.shape, np.float32)).astype(np.float32)
