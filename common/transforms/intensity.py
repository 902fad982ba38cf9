"""Intensities brought to a common scale, for pictures and volumes (c, *size)."""

from __future__ import annotations

import numpy as np

from zoo.common.errors import ConfigError

EPSILON = 1e-8  # a constant image becomes zeros


def z_score(array: np.ndarray, above: float | None = None) -> np.ndarray:
    """Subtract the mean and divide by the standard deviation, of all channels together.

    above: count only what is brighter, such as the patient and not the air around; the result covers everything.
    """
    counted = array if above is None else array[array > above]
    if counted.size == 0:
        return np.zeros(array.shape, np.float32)
    mean, deviation = counted.mean(dtype=np.float64), counted.std(dtype=np.float64)
    return ((array - np.float32(mean)) / np.float32(max(deviation, EPSILON))).astype(np.float32)


def min_max(array: np.ndarray) -> np.ndarray:
    """Scale to 0..1."""
    return window(array, float(array.min()), float(array.max()))


def percentile(array: np.ndarray, low: float = 0.5, high: float = 99.5) -> np.ndarray:
    """Scale so that these percentiles become 0 and 1; what lies beyond is cut off."""
    if not 0 <= low < high <= 100:
        raise ConfigError(f"percentiles {low} and {high} given; expected 0 <= low < high <= 100")
    bounds = np.percentile(array, (low, high))
    return window(array, float(bounds[0]), float(bounds[1]))


def window(array: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scale so that `low` becomes 0 and `high` 1; what lies beyond is cut off. CT: Hounsfield units."""
    scaled = (np.clip(array, low, high) - np.float32(low)) / np.float32(max(high - low, EPSILON))
    return scaled.astype(np.float32)


def ct_window(array: np.ndarray, centre_hu: float, width_hu: float) -> np.ndarray:
    """Scale a window as radiologists name it, such as lung -600/1500 or soft tissue 40/400, to 0..1."""
    return window(array, centre_hu - width_hu / 2, centre_hu + width_hu / 2)
