"""How much near pixels that look alike differ in their classes, in PyTorch."""

from __future__ import annotations

import math

import torch

Kernels = list[tuple[float, float, float]]  # weight, deviation of places [px], deviation of intensities or 0 for none


def gated_crf(p: torch.Tensor, image: torch.Tensor, kernels: Kernels, radius: int) -> torch.Tensor:
    """Add up, per pixel, how much each neighbour in a square that is near and alike differs in its class.

    p: (n, k, h, w), image: (n, c, h, w). Beyond the border p and all features are 0. Weights are the same from both
    sides, so that each pair is looked at once, and the slope is twice the weighed neighbours: nothing is remembered.
    """
    n, _, h, w = p.shape
    fixed = p.detach()
    around, total = torch.zeros_like(fixed), beyond_border(image, kernels, radius)
    with torch.no_grad():
        for down, right in offsets(radius, h, w):
            here, there = windows(down, right, h, w)
            weights = pair_weights(image[here] - image[there], kernels, down**2 + right**2)
            total = total + 2 * weights.sum()
            around[here].addcmul_(weights, fixed[there])
            around[there].addcmul_(weights, fixed[here])
    value = total - (fixed * around).sum()
    return (value + 2 * (around * (fixed - p)).sum()) / (n * h * w)


def offsets(radius: int, h: int, w: int) -> list[tuple[int, int]]:
    """List the steps to half of the neighbours, those below and on the right; the others are these seen backwards."""
    rows, columns = range(min(radius, h - 1) + 1), range(-min(radius, w - 1), min(radius, w - 1) + 1)
    return [(down, right) for down in rows for right in columns if (down, right) > (0, 0)]


def windows(down: int, right: int, h: int, w: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return which pixels have such a neighbour, and which are such neighbours."""
    rows, columns = slice(0, h - down), slice(max(0, -right), w - max(0, right))
    return (..., rows, columns), (..., slice(down, h), slice(max(0, right), w - max(0, -right)))


def pair_weights(apart: torch.Tensor, kernels: Kernels, distance_px2: int) -> torch.Tensor:
    """Weigh pairs by what their intensities differ, (n, 1, h, w); places count as the steps between them do."""
    squares = (apart**2).sum(1, keepdim=True) if apart.shape[1] > 1 else apart.square()
    near = [weight * math.exp(-0.5 * distance_px2 / place**2) for weight, place, _ in kernels]
    found = torch.full_like(squares, sum(value for value, kernel in zip(near, kernels, strict=True) if not kernel[2]))
    for value, (_, _, grey) in zip(near, kernels, strict=True):
        if grey:
            found.add_(torch.exp(squares * (-0.5 / grey**2)), alpha=value)
    return found


def beyond_border(image: torch.Tensor, kernels: Kernels, radius: int) -> torch.Tensor:
    """Add up the weights of all neighbours that lie outside; their features are 0, places included."""
    h, w = image.shape[2:]
    rows, columns = (torch.arange(side, dtype=image.dtype, device=image.device) for side in (h, w))
    inside = [1 + x.clip(max=radius) + (len(x) - 1 - x).clip(max=radius) for x in (rows, columns)]
    outside = (2 * radius + 1) ** 2 - inside[0].reshape(-1, 1) * inside[1]
    places = rows.reshape(-1, 1) ** 2 + columns**2
    found = torch.zeros_like(image[:, :1])
    for weight, place, grey in kernels:
        alike = (image**2).sum(1, keepdim=True) / grey**2 if grey else 0.0
        found = found + weight * torch.exp(-0.5 * (places / place**2 + alike))
    return (found * outside).sum()
