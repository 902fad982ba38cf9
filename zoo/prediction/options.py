"""What a user may ask of a prediction, checked before any image is read."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence

import numpy as np

from zoo.common.errors import ConfigError

Spacing = tuple[float, ...] | None


def check_known(name: str, known: Sequence[str], options: Iterable[str]) -> None:
    """Raise ConfigError for an option that `name` does not know."""
    if unknown := sorted(set(options) - set(known)):
        raise ConfigError(
            f"{name}: unknown prediction option {', '.join(unknown)}; "
            f"expected {'one of ' + ', '.join(known) if known else 'none, this algorithm has no options'}"
        )


def checked_batch_size(batch_size: object) -> int:
    """Return a whole number of images, at least one; ConfigError for anything else."""
    try:
        number = operator.index(batch_size)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if isinstance(batch_size, bool) or number < 1:
        raise ConfigError(f"batch_size={batch_size!r} given; expected a whole number of images, 1 or more")
    return number


def checked_spacing(spacing_mm: object) -> Spacing:
    """Return the size of a pixel along each axis [mm]; one number means square pixels of a picture."""
    if spacing_mm is None:
        return None
    try:
        values = tuple(float(value) for value in np.atleast_1d(_numbers(spacing_mm)))
    except (TypeError, ValueError):
        values = ()
    if np.ndim(spacing_mm) == 0:  # type: ignore[arg-type]
        values = values * 2
    if len(values) not in (2, 3) or not all(math.isfinite(value) and value > 0 for value in values):
        raise ConfigError(
            f"spacing_mm={spacing_mm!r} given; expected the size of a pixel in mm, above 0: one number for square "
            "pixels, (h, w) for a picture, (d, h, w) for a volume"
        )
    return values


def _numbers(values: object) -> np.ndarray:
    if isinstance(values, (str, bytes, bool)) or (isinstance(values, Sequence) and not _are_numbers(values)):
        raise TypeError
    return np.asarray(values, np.float64)


def _are_numbers(values: Sequence[object]) -> bool:
    return all(isinstance(value, (int, float, np.number)) and not isinstance(value, bool) for value in values)
