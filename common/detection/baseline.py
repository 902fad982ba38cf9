"""The trivial detector: blobs (Lindeberg 1998) of the training objects' sizes, as bright or dark as they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from zoo.common.boxes import corners
from zoo.common.errors import DataError
from zoo.common.types import Image, Sample

SCALES = (0.2, 0.5, 0.8)  # quantiles of the objects' sides
CASES = 64  # training samples that are looked at
MOST = 60  # blobs per picture
SIGMA = 2 * np.sqrt(2)  # a disc of diameter d answers most to a Laplacian of deviation d / SIGMA


@dataclass(frozen=True)
class BlobDetector:
    """Sides [px] to look for, the sign of the objects against their surroundings, and the most frequent class."""

    sides_px: tuple[float, ...]
    sign: float
    label: int

    @classmethod
    def fit(cls, training: Iterable[Sample], classes: int) -> BlobDetector:
        """Read sizes, class and brightness from the first samples with objects."""
        sides, labels, contrasts = [], np.zeros(classes, np.int64), []
        for i, sample in enumerate(training):
            if i >= CASES:
                break
            boxes = np.asarray(sample.labels["boxes"], np.float64).reshape(-1, 5)
            low, high = corners(boxes[:, 1:])
            sides += list(np.sqrt(np.maximum((high - low).prod(axis=1), 0)))
            labels += np.bincount(boxes[:, 0].astype(int), minlength=classes)[:classes]
            contrasts += [_contrast(_grey(sample.image), a, b) for a, b in zip(low, high, strict=True)]
        if not sides:
            raise DataError(f"no box in the first {CASES} training samples; expected some to fit the baseline")
        scales = np.unique(np.maximum(np.quantile(sides, SCALES), 2.0))
        sign = 1.0 if np.median(contrasts) >= 0 else -1.0
        return cls(tuple(float(s) for s in scales), sign, int(labels.argmax()))

    def find(self, image: Image) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return boxes (k, 4), labels (k,) and scores (k,) in (0, 1), best first."""
        grey = _grey(image)
        answers = np.stack(
            [-self.sign * (s / SIGMA) ** 2 * ndimage.gaussian_laplace(grey, s / SIGMA) for s in self.sides_px]
        )
        best = answers.max(axis=0)
        is_peak = (best == ndimage.maximum_filter(best, 3)) & (best > 0)
        rows, columns = np.nonzero(is_peak)
        order = np.argsort(-best[rows, columns], kind="stable")[:MOST]
        y, x = rows[order], columns[order]
        half = np.array(self.sides_px)[answers[:, y, x].argmax(axis=0)][:, None] / 2
        centres = np.column_stack([x, y]) + 0.5
        strength = best[y, x]
        scores = strength / (strength + max(float(np.ptp(grey)), 1e-6))
        return np.hstack([centres - half, centres + half]), np.full(len(order), self.label), scores


def _grey(image: Image) -> np.ndarray:
    return np.asarray(image.array[:3].mean(axis=0), np.float32)


def _contrast(grey: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Mean inside a box minus the mean of the ring of the same width around it."""
    side = (high - low) / 2
    inner, outer = (_cut(grey, low, high), _cut(grey, low - side, high + side))
    if not inner.size or outer.size <= inner.size:
        return 0.0
    ring = (outer.sum(dtype=np.float64) - inner.sum(dtype=np.float64)) / (outer.size - inner.size)
    return float(inner.mean(dtype=np.float64) - ring)


def _cut(grey: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    (x1, y1), (x2, y2) = np.maximum(np.round(low), 0).astype(int), np.maximum(np.round(high), 0).astype(int)
    return grey[y1:y2, x1:x2]
