"""The trivial predictor: the median ellipses of the training set, whatever the picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from zoo.common.ellipses import geometry
from zoo.common.errors import DataError
from zoo.common.types import Image, Sample


@dataclass(frozen=True)
class MedianEllipses:
    """Ellipses in parts of a picture's size, one row per class (NaN when the class was never seen).

    relative: (classes, 6): class, cx / w, cy / h, a / r, b / r, angle_rad, with r the root of w h.
    frequency: (classes,) share of the training pictures that have the class.
    ratio: mean b of the second class over b of the first (CTR), None with one class.
    """

    relative: np.ndarray
    frequency: np.ndarray
    ratio: float | None

    @classmethod
    def fit(cls, training: Iterable[Sample], classes: int) -> MedianEllipses:
        """Collect the medians; the median angle is that of the doubled angle's mean direction."""
        collected: list[list[np.ndarray]] = [[] for _ in range(classes)]
        ratios, count = [], 0
        for sample in training:
            rows = {int(row[0]): row for row in geometry.canonical(sample.labels["ellipses"])}
            for label, row in rows.items():
                collected[label].append(row[1:] / _units(sample.image.size))
            ratios += [rows[1][4] / rows[0][4]] if {0, 1} <= rows.keys() else []
            count += 1
        if not count:
            raise DataError("the baseline needs at least one training sample")
        relative = np.stack([_middle(label, np.array(rows)) for label, rows in enumerate(collected)])
        frequency = np.array([len(rows) / count for rows in collected])
        return cls(relative, frequency, float(np.mean(ratios)) if ratios else None)

    def ellipses(self, image: Image) -> np.ndarray:
        """Return the ellipses (classes, 6) in pixels of the image."""
        rows = self.relative.copy()
        rows[:, 1:] *= _units(image.size)
        if self.ratio is not None:
            rows[1, 4] = min(self.ratio * rows[0, 4], rows[1, 3])  # answers the mean CTR, the constant to beat
        return rows[np.isfinite(rows).all(axis=1)]


def _units(size: tuple[int, ...]) -> np.ndarray:
    h, w = size
    r = np.sqrt(h * w)
    return np.array([w, h, r, r, 1.0])


def _middle(label: int, rows: np.ndarray) -> np.ndarray:
    if not len(rows):
        return np.array([label, *[np.nan] * 5])
    angle = np.angle(np.exp(2j * rows[:, 4]).mean()) / 2
    return np.array([label, *np.median(rows[:, :4], axis=0), angle])
