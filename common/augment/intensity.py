"""Random changes of intensity, for pictures and volumes (c, *size); all are relative to the image's own range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from zoo.common.augment import Tone
from zoo.common.transforms import spatial as maps
from zoo.common.transforms.sampling import sample_linear
from zoo.common.transforms.spatial import Frame


@dataclass(frozen=True, kw_only=True)
class Gamma(Tone):
    """Raise intensities, scaled to 0..1, to a power; their range stays."""

    exponent: tuple[float, float] = (0.75, 1.35)  # drawn evenly on a log scale

    def change(self, array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        exponent = np.exp(rng.uniform(*np.log(self.exponent)))
        low, span = _range(array)
        return ((array - low) / span) ** np.float32(exponent) * span + low


@dataclass(frozen=True, kw_only=True)
class Brightness(Tone):
    """Add a share of the standard deviation."""

    amount: float = 0.2  # largest share, either way

    def change(self, array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return array + np.float32(rng.uniform(-self.amount, self.amount) * array.std(dtype=np.float64))


@dataclass(frozen=True, kw_only=True)
class Contrast(Tone):
    """Stretch about the mean; nothing leaves the range that was there."""

    factor: tuple[float, float] = (0.75, 1.25)

    def change(self, array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        mean = np.float32(array.mean(dtype=np.float64))
        stretched = (array - mean) * np.float32(rng.uniform(*self.factor)) + mean
        return np.clip(stretched, array.min(), array.max())


@dataclass(frozen=True, kw_only=True)
class Blur(Tone):
    """Smooth by a Gaussian."""

    sigma_px: tuple[float, float] = (0.5, 1.0)

    def change(self, array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        sigma = rng.uniform(*self.sigma_px)
        return ndimage.gaussian_filter(array, (0, *[sigma] * (array.ndim - 1)), mode="nearest", truncate=3.0)


@dataclass(frozen=True, kw_only=True)
class Noise(Tone):
    """Add Gaussian noise."""

    amount: tuple[float, float] = (0.0, 0.1)  # of the standard deviation

    def change(self, array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        sigma = rng.uniform(*self.amount) * array.std(dtype=np.float64)
        return array + np.float32(sigma) * rng.standard_normal(array.shape, np.float32)


@dataclass(frozen=True, kw_only=True)
class BiasField(Tone):
    """Multiply by a smooth field, exp of a polynomial, as the coils of an MR scanner do."""

    strength: float = 0.3  # largest coefficient
    order: int = 3

    def change(self, array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        axes = [np.vander(np.linspace(-1, 1, n), self.order + 1, increasing=True) for n in array.shape[1:]]
        powers = np.indices([self.order + 1] * len(axes))
        field = rng.uniform(-self.strength, self.strength, powers.shape[1:]) * (powers.sum(0) <= self.order)
        for axis in axes:  # each turn consumes the first axis and appends its values last
            field = np.tensordot(field, axis, axes=(0, 1))
        low = array.min()  # the darkest, such as air, stays dark
        return (array - low) * np.exp(field).astype(np.float32) + low


@dataclass(frozen=True, kw_only=True)
class LowResolution(Tone):
    """Shrink and enlarge again, as if the image had been taken with larger pixels."""

    factor: tuple[float, float] = (1.0, 2.0)

    def change(self, array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        factor = rng.uniform(*self.factor)
        frame = Frame(tuple(array.shape[1:]))
        small = maps.resize(frame, tuple(max(1, round(n / factor)) for n in frame.size))
        return sample_linear(sample_linear(array, small), maps.resize(small.new, frame.size))


@dataclass(frozen=True, kw_only=True)
class Normalise(Tone):
    """Put a function of transforms.intensity into a chain: Normalise(function=z_score)."""

    function: Callable[[np.ndarray], np.ndarray]

    def change(self, array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return self.function(array)


def _range(array: np.ndarray) -> tuple[np.float32, np.float32]:
    low, high = array.min(), array.max()
    return np.float32(low), np.float32(max(float(high - low), 1e-12))
