"""The trivial finder of cells: stains separated, smoothed, local maxima, the class by the share of DAB."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

import numpy as np
from scipy import ndimage

from zoo.common.errors import DataError
from zoo.common.metrics.points import match_points, rates
from zoo.common.points.peaks import find_peaks
from zoo.common.points.scores import RADIUS_PX, points_of
from zoo.common.transforms.pictures import to_channels
from zoo.common.types import Image, Sample

# optical densities of red, green, blue of haematoxylin, eosin and DAB (Ruifrok & Johnston 2001, table 1)
STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
SIGMAS_PX = (3.0, 4.0, 5.0, 6.0, 8.0)
DENSITIES = np.round(np.arange(0.02, 0.9, 0.03), 2)  # candidates for the least smoothed density of a cell
DENSEST = 3.0  # smoothed density that is a score of 1
MOST = 40  # training images that are looked at


def stain_densities(image: Image) -> np.ndarray:
    """Return how much haematoxylin and DAB each pixel holds, (2, h, w), by colour deconvolution; none is negative."""
    rgb = to_channels(image.array, 3)
    density = -np.log10((np.clip(rgb, 0, 255) + 1) / 256)
    unit = STAINS / np.linalg.norm(STAINS, axis=1, keepdims=True)
    parts = np.tensordot(np.linalg.inv(unit).T, density, axes=1)
    return np.maximum(parts[[0, 2]], 0).astype(np.float32)


def fit_stain_finder(
    training: Iterable[Sample], classes: int, distance_px: float
) -> tuple[Callable[[Image], np.ndarray], float]:
    """Choose the smoothing and the least density by F1 without classes, then the classes by their mean share of DAB.

    Returns a function from an image to candidates (n, 4) class, x, y, density in [0, 1], and the least density.
    """
    samples = list(islice(training, MOST))
    if not samples:
        raise DataError("no training case given; expected at least one to fit the baseline")
    truths = [points_of(sample, classes) for sample in samples]
    best: tuple[float, float, float, list[np.ndarray]] = (-1.0, SIGMAS_PX[0], float(DENSITIES[0]), [])
    for sigma in SIGMAS_PX:
        found = [dense_spots(sample.image, sigma, distance_px) for sample in samples]
        for least in DENSITIES / DENSEST:
            f1 = _pooled_f1(found, truths, least)
            if f1 > best[0]:
                best = (f1, sigma, float(least), found)
    _, sigma, least, found = best
    shares = _mean_shares(found or [np.zeros((0, 4))] * len(truths), truths, classes, least)

    def find(image: Image) -> np.ndarray:
        spots = dense_spots(image, sigma, distance_px)
        return np.column_stack([np.abs(spots[:, :1] - shares).argmin(axis=1), spots[:, 1:]])

    return find, least


def dense_spots(image: Image, sigma_px: float, distance_px: float) -> np.ndarray:
    """List the local maxima of the smoothed stain: rows (share of DAB, x, y, density), the density scaled to 0..1."""
    blue, brown = (ndimage.gaussian_filter(part, sigma_px) for part in stain_densities(image))
    total = blue + brown
    radius = max(1, round(distance_px / 2))
    peaks = find_peaks((total / DENSEST).clip(0, 1)[None], radius, distance_px, float(DENSITIES[0]) / DENSEST)
    x, y = (np.clip(np.round(peaks[:, i]).astype(int), 0, total.shape[2 - i] - 1) for i in (1, 2))
    share = brown[y, x] / np.maximum(total[y, x], 1e-6)
    return np.column_stack([share, peaks[:, 1:]])


def _pooled_f1(found: list[np.ndarray], truths: list[np.ndarray], least: float) -> float:
    tp = fp = fn = 0
    for spots, true in zip(found, truths, strict=True):
        kept = spots[spots[:, 3] >= least][:, 1:3]
        matched = len(match_points(kept, true[:, 1:], RADIUS_PX)[0])
        tp, fp, fn = tp + matched, fp + len(kept) - matched, fn + len(true) - matched
    return float(np.nan_to_num(rates(tp, fp, fn)["f1"]))


def _mean_shares(found: list[np.ndarray], truths: list[np.ndarray], classes: int, least: float) -> np.ndarray:
    """Return the mean share of DAB of the matched cells of each class, (classes,); inf for a class without any."""
    shares: list[list[float]] = [[] for _ in range(classes)]
    for spots, true in zip(found, truths, strict=True):
        kept = spots[spots[:, 3] >= least]
        for place, cell in match_points(kept[:, 1:3], true[:, 1:], RADIUS_PX)[0]:
            shares[int(true[cell, 0])].append(float(kept[place, 0]))
    return np.array([np.mean(values) if values else np.inf for values in shares])
