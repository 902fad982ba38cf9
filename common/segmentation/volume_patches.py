"""Random pieces of a labelled volume for training: mostly around a class, turned, scaled, mirrored and recoloured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

FOREGROUND = 2 / 3  # share of pieces that are centred on a voxel of a class


@dataclass(frozen=True)
class Changes:
    """How far a piece may differ from its volume; each value is drawn evenly between minus and plus its limit."""

    turn_rad: float = 0.26  # about each axis
    scale: float = 0.15  # size of the anatomy, as a share, common to all axes
    stretch: float = 0.05  # and of each axis on its own
    brightness: float = 0.2  # added, in standard deviations
    contrast: float = 0.2  # multiplied, as a share
    gamma: float = 0.25  # exponent on the logarithmic scale, in half of the pieces
    noise: float = 0.1  # largest standard deviation of added noise
    mirrored: tuple[int, ...] = ()  # axes (0, 1, 2 for d, h, w) that are flipped in half of the pieces


def random_patch(
    array: np.ndarray, mask: np.ndarray, size: tuple[int, ...], changes: Changes, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a piece of `size` of a normalised volume (c, d, h, w) and of its labels (d, h, w).

    Beyond its borders the volume is mirrored, as it is at prediction. Labels are read by nearest neighbour.
    """
    centre = np.array([_place(n, s, c) for n, s, c in zip(mask.shape, size, _centre(mask, rng), strict=True)])
    matrix = _matrix(changes, rng)
    offset = centre - matrix @ ((np.array(size) - 1) / 2)
    piece = np.stack(
        [ndimage.affine_transform(c, matrix, offset, size, order=1, mode="mirror", prefilter=False) for c in array]
    )
    labels = ndimage.affine_transform(mask, matrix, offset, size, order=0, mode="mirror", prefilter=False)
    return _recolour(piece, changes, rng), labels


def _centre(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a voxel: of a random class that is there, or from anywhere."""
    present = np.unique(mask[mask > 0])
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


def _matrix(changes: Changes, rng: np.random.Generator) -> np.ndarray:
    """Draw the map from places in the piece to places in the volume."""
    matrix = np.eye(3)
    for axis in range(3):
        angle = rng.uniform(-changes.turn_rad, changes.turn_rad)
        turn = np.eye(3)
        i, j = (other for other in range(3) if other != axis)
        turn[[i, i, j, j], [i, j, i, j]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        matrix = matrix @ turn
    scale = 1 + rng.uniform(-changes.scale, changes.scale)
    stretch = 1 + rng.uniform(-changes.stretch, changes.stretch, 3)
    signs = np.array([-1.0 if axis in changes.mirrored and rng.random() < 0.5 else 1.0 for axis in range(3)])
    return matrix @ np.diag(signs / (scale * stretch))


def _recolour(piece: np.ndarray, changes: Changes, rng: np.random.Generator) -> np.ndarray:
    gain = 1 + rng.uniform(-changes.contrast, changes.contrast)
    piece = piece * gain + rng.uniform(-changes.brightness, changes.brightness)
    if changes.gamma and rng.random() < 0.5:
        low, span = piece.min(), max(float(np.ptp(piece)), 1e-6)
        piece = ((piece - low) / span) ** np.exp(rng.uniform(-changes.gamma, changes.gamma)) * span + low
    noise = rng.uniform(0, changes.noise)
    return (piece + noise * rng.standard_normal(piece.shape, np.float32)).astype(np.float32)
