"""A drawn picture of nuclei with their map: light or dark ground, some apart, some that touch."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from zoo.common.types import Image, Sample

GROUNDS = ((232.0, 205.0, 222.0), (18.0, 18.0, 18.0))  # stained tissue, fluorescence
NUCLEI = ((96.0, 72.0, 140.0), (190.0, 190.0, 190.0))
RIM = 0.5  # how far the rim of a nucleus is from its colour to that of the ground
NOISE = 5.0
TRIES = 40
TOUCHING = 0.5  # share of nuclei that are put beside another one
PX_PER_NUCLEUS = 420
LEAST_PX = 40  # of a nucleus that the border cuts


def draw_nuclei(
    size: tuple[int, int], channels: int, rng: np.random.Generator, count: int | None = None, dark: bool | None = None
) -> Sample:
    """Draw ellipses of 5 to 10 px half-axes; half of them touch another one, none covers another.

    count: as many as there is room for, one per 420 px unless told otherwise. dark: the ground; drawn if left out.
    """
    h, w = size
    instances = np.zeros(size, np.int32)
    depth = np.zeros(size)  # 0 at the rim of a nucleus to 1 in its middle
    placed: list[tuple[float, float, float]] = []
    wanted = max(2, h * w // PX_PER_NUCLEUS) if count is None else count
    for _ in range(TRIES * wanted):
        if len(placed) == wanted:
            break
        b = rng.uniform(5, 8)
        a = b * rng.uniform(1, 1.4)
        y, x = np.clip(_place(placed, (h, w), b, rng), 0, (h - 1, w - 1)).tolist()
        box, inside, height = _ellipse((y, x), (a, b), rng.uniform(0, np.pi), size)
        if inside.sum() < LEAST_PX or instances[box][inside].any():
            continue
        instances[box][inside] = len(placed) + 1
        depth[box][inside] = height[inside]
        placed.append((y, x, a))
    kind = int(rng.integers(2)) if dark is None else int(dark)
    return Sample(_painted(instances, depth, kind, channels, rng), {"instances": instances}, group="example")


def _place(
    placed: list[tuple[float, float, float]], size: tuple[int, int], b: float, rng: np.random.Generator
) -> tuple[float, float]:
    if not placed or rng.random() > TOUCHING:
        return float(rng.uniform(0, size[0])), float(rng.uniform(0, size[1]))
    y, x, a = placed[rng.integers(len(placed))]
    angle, apart = rng.uniform(0, 2 * np.pi), rng.uniform(0.9, 1.2) * (a + b)
    return float(y + apart * np.sin(angle)), float(x + apart * np.cos(angle))


def _ellipse(
    centre: tuple[float, float], axes: tuple[float, float], angle: float, size: tuple[int, int]
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
    """Return the window of an ellipse, where it is inside, and its height above the rim there."""
    (y, x), (a, b) = centre, axes
    box = (
        slice(max(0, int(y - a) - 1), min(size[0], int(y + a) + 2)),
        slice(max(0, int(x - a) - 1), min(size[1], int(x + a) + 2)),
    )
    rows, columns = np.mgrid[box]
    along = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
    across = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
    radius = np.hypot(along / a, across / b)
    return box, radius < 1, np.clip(1 - radius, 0, 1)


def _painted(instances: np.ndarray, depth: np.ndarray, kind: int, channels: int, rng: np.random.Generator) -> Image:
    h, w = instances.shape
    count = int(instances.max(initial=0))
    strength = np.append(0.0, rng.uniform(0.75, 1.0, count))[instances]
    cover = strength * np.clip(RIM + 2.5 * depth, 0, 1)
    cover = gaussian_filter(cover, 0.6)
    ground, nucleus = (np.reshape(colour, (3, 1, 1)) for colour in (GROUNDS[kind], NUCLEI[kind]))
    uneven = gaussian_filter(rng.standard_normal((h, w)), 8) * 40
    picture = ground + uneven + cover * (nucleus - ground) + NOISE * rng.standard_normal((3, h, w))
    array = picture if channels == 3 else np.repeat(picture.mean(0, keepdims=True), channels, axis=0)
    return Image(np.clip(array, 0, 255).astype(np.float32), name="example")
