"""A synthetic tile with known cells: blue and brown nuclei on pale tissue."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from zoo.common.types import Image, Sample

TISSUE, NOISE = (232.0, 218.0, 226.0), 6.0  # of 0..255
STAINS = ((96.0, 110.0, 172.0), (120.0, 72.0, 44.0), (150.0, 60.0, 150.0), (70.0, 140.0, 90.0))  # blue, brown, more
LARGEST_PX = 11.0


def draw_tile(size: tuple[int, int], classes: int, channels: int, count: int, rng: np.random.Generator) -> Sample:
    """Draw up to `count` nuclei of random classes, none of which touches another, with their centres as points."""
    h, w = size
    spread = gaussian_filter(rng.standard_normal((h, w)), 6) * 40
    picture = np.reshape(TISSUE, (3, 1, 1)) + spread
    rows, columns = np.mgrid[:h, :w]
    reach = min(LARGEST_PX, 0.3 * np.sqrt(h * w / max(1, count)))
    points: list[tuple[int, float, float]] = []
    for _ in range(count):
        x, y = rng.uniform(reach, w - reach - 1), rng.uniform(reach, h - reach - 1)
        if any(np.hypot(x - other[1], y - other[2]) < 2 * reach + 2 for other in points):
            continue
        kind, angle = int(rng.integers(classes)), rng.uniform(0, np.pi)
        a, b = reach * rng.uniform(0.75, 1.0), reach * rng.uniform(0.6, 0.9)
        along = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
        across = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
        cover = expit(6 * (1 - np.hypot(along / a, across / b)))
        picture = picture + cover * (np.reshape(STAINS[kind % len(STAINS)], (3, 1, 1)) - picture)
        points.append((kind, x, y))
    picture = picture + NOISE * rng.standard_normal(picture.shape)
    array = picture if channels == 3 else np.repeat(picture.mean(0, keepdims=True), channels, axis=0)
    labels = {"points": np.array(points, np.float64).reshape(-1, 3)}
    return Sample(Image(np.clip(array, 0, 255).astype(np.float32), name="example"), labels, group="example")
