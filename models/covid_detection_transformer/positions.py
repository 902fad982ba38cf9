"""Sines and cosines that tell a transformer where a token lies (Vaswani et al. 2017, in two axes as DETR has them)."""

from __future__ import annotations

import numpy as np

TEMPERATURE = 10_000.0
EPS = 1e-6


def sine_positions(h: int, w: int, dim: int) -> np.ndarray:
    """Return (h * w, dim) float32, row by row: the first half tells of y, the second of x; sides are scaled to 2 pi."""
    half = dim // 2
    frequency = TEMPERATURE ** (-2 * (np.arange(half) // 2) / half)
    waves = []
    for count in (h, w):
        angle = 2 * np.pi * np.arange(1, count + 1)[:, None] / (count + EPS) * frequency
        waves.append(np.where(np.arange(half) % 2 == 0, np.sin(angle), np.cos(angle)))
    rows, columns = np.repeat(waves[0][:, None], w, axis=1), np.repeat(waves[1][None], h, axis=0)
    return np.concatenate([rows, columns], axis=2).reshape(h * w, dim).astype(np.float32)
