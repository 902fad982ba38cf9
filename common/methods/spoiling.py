"""Images spoilt on purpose, for a network that has to repair them or to find where; a batch is (n, c, *size)."""

from __future__ import annotations

import numpy as np

CURVE = 64  # points of a curve of intensities


def bent_intensities(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Map the intensities of (c, *size) along a random Bezier curve from the smallest to the largest, or back."""
    low, high = float(image.min()), float(image.max())
    t = np.linspace(0, 1, CURVE)[:, None]
    ends = np.array([[0.0, 0.0], [1.0, 1.0]])
    middle = rng.random((2, 2))
    points = (1 - t) ** 3 * ends[0] + 3 * (1 - t) ** 2 * t * middle[0] + 3 * (1 - t) * t**2 * middle[1] + t**3 * ends[1]
    order = np.argsort(points[:, 0])
    scaled = (image - low) / max(high - low, 1e-6)
    mapped = np.interp(scaled, points[order, 0], points[order, 1])
    if rng.random() < 0.5:
        mapped = 1 - mapped
    return (mapped * (high - low) + low).astype(np.float32)


def shuffled_blocks(image: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """Shuffle the pixels within many small blocks of (c, *size)."""
    out = image.copy()
    for _ in range(count):
        place = _block(image.shape[1:], (0.03, 0.1), rng)
        block = out[(slice(None), *place)]
        order = rng.permutation(int(np.prod(block.shape[1:])))
        out[(slice(None), *place)] = block.reshape(len(block), -1)[:, order].reshape(block.shape)
    return out


def painted(image: np.ndarray, rng: np.random.Generator, outside: bool) -> np.ndarray:
    """Paint some blocks of (c, *size) over with noise, or everything but one large block."""
    low, high = float(image.min()), float(image.max())
    if outside:
        out = rng.uniform(low, high, image.shape).astype(np.float32)
        place = (slice(None), *_block(image.shape[1:], (0.6, 0.85), rng))
        out[place] = image[place]
        return out
    out = image.copy()
    for _ in range(5):
        place = (slice(None), *_block(image.shape[1:], (0.1, 0.25), rng))
        out[place] = rng.uniform(low, high)
    return out


def swapped_patches(image: np.ndarray, rng: np.random.Generator, pairs: int, share: float) -> np.ndarray:
    """Exchange pairs of patches of (c, *size), each a share of the sides."""
    out = image.copy()
    for _ in range(pairs):
        sides = [max(1, round(side * share)) for side in image.shape[1:]]
        first, second = (
            (slice(None), *(slice(b, b + n) for b, n in zip(_begin(image.shape[1:], sides, rng), sides, strict=True)))
            for _ in range(2)
        )
        kept = out[first].copy()
        out[first] = out[second]
        out[second] = kept
    return out


def fused(images: np.ndarray, rng: np.random.Generator, levels: int, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Mix blocks of each image of a batch with the next one; return the mixtures, and how much was mixed, 0..levels."""
    share = np.zeros((len(images), *images.shape[2:]), np.int32)
    for plane in share:
        for _ in range(blocks):
            plane[_block(plane.shape, (0.1, 0.4), rng)] = rng.integers(1, levels + 1)
    other = np.roll(images, 1, axis=0)
    alpha = (share / levels)[:, None].astype(np.float32)
    return ((1 - alpha) * images + alpha * other).astype(np.float32), share


def _block(size: tuple[int, ...], shares: tuple[float, float], rng: np.random.Generator) -> tuple[slice, ...]:
    sides = [max(1, round(side * rng.uniform(*shares))) for side in size]
    return tuple(slice(b, b + n) for b, n in zip(_begin(size, sides, rng), sides, strict=True))


def _begin(size: tuple[int, ...], sides: list[int], rng: np.random.Generator) -> list[int]:
    return [int(rng.integers(side - own + 1)) for side, own in zip(size, sides, strict=True)]
