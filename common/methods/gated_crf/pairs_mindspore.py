"""How much near pixels that look alike differ in their classes, in MindSpore."""

from __future__ import annotations

import math

import numpy as np
from mindspore import Tensor, ops

Kernels = list[tuple[float, float, float]]  # weight, deviation of places [px], deviation of intensities or 0 for none


def gated_crf(p: Tensor, image: Tensor, kernels: Kernels, radius: int) -> Tensor:
    """Add up, per pixel, how much each neighbour in a square that is near and alike differs in its class.

    p: (n, k, h, w), image: (n, c, h, w). Beyond the border p and all features are 0. Weights are the same from both
    sides, so that the slope is twice the weighed neighbours: nothing is remembered. A part of an array cannot be
    written here, so that each pair is looked at from both sides.
    """
    n, _, h, w = p.shape
    fixed = ops.stop_gradient(p)
    around, total = ops.zeros_like(fixed), beyond_border(image, kernels, radius)
    wide = [ops.pad(x, (radius,) * 4) for x in (fixed, image, ops.ones_like(image[:, :1]))]
    for down, right in offsets(radius, h, w):
        there = windows(down + radius, right + radius, h, w)[1]
        moved, seen, inside = (x[there] for x in wide)
        weights = pair_weights(image - seen, kernels, down**2 + right**2)
        total = total + (weights * inside).sum()
        around = around + weights * moved
    value = total - (fixed * around).sum()
    return (value + 2 * (around * (fixed - p)).sum()) / (n * h * w)


def offsets(radius: int, h: int, w: int) -> list[tuple[int, int]]:
    """List the steps to all neighbours that may lie inside."""
    rows, columns = (range(-min(radius, side - 1), min(radius, side - 1) + 1) for side in (h, w))
    return [(down, right) for down in rows for right in columns if (down, right) != (0, 0)]


def windows(down: int, right: int, h: int, w: int) -> tuple[tuple, tuple]:
    """Return the window of the picture, and the one that is so many pixels below and to the right of it."""
    return (..., slice(0, h), slice(0, w)), (..., slice(down, down + h), slice(right, right + w))


def pair_weights(apart: Tensor, kernels: Kernels, distance_px2: int) -> Tensor:
    """Weigh pairs by what their intensities differ, (n, 1, h, w); places count as the steps between them do."""
    squares = (apart**2).sum(1, keepdims=True)
    near = [weight * math.exp(-0.5 * distance_px2 / place**2) for weight, place, _ in kernels]
    found = ops.full_like(squares, sum(value for value, kernel in zip(near, kernels, strict=True) if not kernel[2]))
    for value, (_, _, grey) in zip(near, kernels, strict=True):
        if grey:
            found = found + value * ops.exp(squares * (-0.5 / grey**2))
    return found


def beyond_border(image: Tensor, kernels: Kernels, radius: int) -> Tensor:
    """Add up the weights of all neighbours that lie outside; their features are 0, places included."""
    h, w = image.shape[2:]
    rows, columns = (np.arange(side, dtype=np.float32) for side in (h, w))
    inside = [1 + x.clip(max=radius) + (len(x) - 1 - x).clip(max=radius) for x in (rows, columns)]
    outside = (2 * radius + 1) ** 2 - inside[0].reshape(-1, 1) * inside[1]
    places = Tensor(rows.reshape(-1, 1) ** 2 + columns**2)
    found = ops.zeros_like(image[:, :1])
    for weight, place, grey in kernels:
        alike = (image**2).sum(1, keepdims=True) / grey**2 if grey else 0.0
        found = found + weight * ops.exp(-0.5 * (places / place**2 + alike))
    return (found * Tensor(outside)).sum()
