"""Scores of localisers over many images: pixels pooled by histograms, masks, peaks; and the trivial map to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from zoo.common.answers.localisation import Localisation
from zoo.common.lungs.boxes import BLACK
from zoo.common.metrics.cases import mean_of_defined
from zoo.common.metrics.localisation import (
    LEVELS,
    count_levels,
    peak_hit,
    pixel_average_precision,
    pixel_pr_auc,
    pixel_roc_auc,
)
from zoo.common.transforms.pictures import to_channels
from zoo.common.types import Case, Image, Row, Sample

BLUR_PX, LEAST_LUNG = 5.0, 0.05  # of the trivial map, at a height of 256 px; both were found on this very data
CURVES = {
    "pixel_pr_auc": pixel_pr_auc,
    "pixel_roc_auc": pixel_roc_auc,
    "pixel_average_precision": pixel_average_precision,
}


def score_map(row: Row, prediction: Localisation, sample: Sample) -> Case:
    """Add to the row of the classification how the map and the mask agree with the true mask, if there is one.

    Only images with a finding count: elsewhere every pixel is wrong by definition.
    Evidence: `levels` (2, 2, 256), the pixels of the map per level, first of the map as it is, then of the map with
    black set to zero; see `count_levels`.
    """
    true, heat_map = sample.labels.get("mask"), prediction.heat_map
    if true is None or heat_map is None or not np.any(true):
        return Case(row, {"levels": np.zeros((2, 2, LEVELS), np.int64)})
    true = np.asarray(true) != 0
    inside = np.where(is_lung(sample.image), heat_map, 0)
    shared, total = (prediction.mask & true).sum(), prediction.mask.sum() + true.sum()
    scores: Row = {
        "dice": float(2 * shared / total),
        "peak_hit": peak_hit(heat_map, true),
        "mean_pixel_pr_auc": pixel_pr_auc(count_levels(true, heat_map)),
    }
    return Case({**row, **scores}, {"levels": np.stack([count_levels(true, m) for m in (heat_map, inside)])})


def summarise_maps(cases: Sequence[Case]) -> dict[str, float]:
    """Pool the pixels of all findings: each curve of the map as it is and, `_lung`, with black set to zero.

    Also the means over findings of dice, peak_hit and of the PR-AUC of single images; nan without findings.
    """
    rows = [case.row for case in cases]
    counts = [case.evidence["levels"] for case in cases if "levels" in case.evidence]
    pooled = np.sum(counts, axis=0) if counts else np.zeros((2, 2, LEVELS))
    scores = {
        f"{name}{end}": curve(c) for c, end in zip(pooled, ("", "_lung"), strict=True) for name, curve in CURVES.items()
    }
    for name in ("dice", "peak_hit", "mean_pixel_pr_auc"):
        scores[name] = mean_of_defined([float(row[name]) for row in rows if name in row])
    return scores


def is_lung(image: Image) -> np.ndarray:
    """Return where a slice is not black, (h, w) bool."""
    return np.asarray(to_channels(image.array, 1)[0] > BLACK)


def bright_map(image: Image) -> np.ndarray:
    """Return the brightness of the lung, smoothed within it, (h, w), 255 as 1: what a trained map has to beat.

    Images share one scale: what is bright in a dark picture does not become as hot as what is bright in a bright one.
    """
    smooth = smooth_in_lung(to_channels(image.array, 1)[0], is_lung(image), BLUR_PX * image.size[0] / 256)
    return np.asarray((smooth / 255).clip(0, 1))


def above_median_map(image: Image) -> np.ndarray:
    """Return how much brighter than the lung's median its pixels are, smoothed within it, (h, w), 255 as 1.

    A harder map to beat than `bright_map`: it does not shine where a whole lung is bright.
    """
    grey, lung = to_channels(image.array, 1)[0], is_lung(image)
    above = np.maximum(grey - (np.median(grey[lung]) if lung.any() else 0), 0)
    return np.asarray((smooth_in_lung(above, lung, BLUR_PX * image.size[0] / 256) / 255).clip(0, 1))


def smooth_in_lung(values: np.ndarray, lung: np.ndarray, sigma_px: float) -> np.ndarray:
    """Smooth values (h, w) by a Gaussian that sees the lung (h, w) bool alone; zero elsewhere."""
    summed = ndimage.gaussian_filter(values * lung, sigma_px)
    share = ndimage.gaussian_filter(lung.astype(np.float32), sigma_px)
    return np.where(lung, summed / (share + LEAST_LUNG), 0)
