"""The trivial predictor of frames: the class by the mean colour, the tissues by the place alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from zoo.common.errors import DataError
from zoo.common.transforms.pictures import to_channels
from zoo.common.transforms.sampling import nearest_indices
from zoo.common.types import Image, Sample

ATLAS = 64  # side of the grid on which training masks are counted
LEAST = 2.0  # deviation of a colour that is assumed at least, of 0..255


def fit_trivial(
    training: Iterable[Sample], classes: int, tissues: int
) -> Callable[[Image], tuple[np.ndarray, np.ndarray]]:
    """Fit a normal distribution of the mean colour per class, and count the tissues of every place.

    Returns a function from an image to probabilities (classes,) and labels (h, w).
    """
    labels, colours = [], []
    atlas = np.zeros((tissues, ATLAS, ATLAS))
    for sample in training:
        labels.append(int(sample.labels["label"]))
        colours.append(_colour(sample.image))
        if "mask" in sample.labels:
            mask = np.asarray(sample.labels["mask"])
            small = mask[np.ix_(*(nearest_indices(ATLAS, n) for n in mask.shape))]
            atlas += small == np.arange(tissues).reshape(-1, 1, 1)
    if not labels:
        raise DataError("no training case given; expected at least one to fit the baseline")
    names, values, overall = np.array(labels), np.array(colours), np.mean(colours, axis=0)
    counts = np.bincount(names, minlength=classes)
    means = np.array([values[names == c].mean(0) if counts[c] else overall for c in range(classes)])
    deviations = np.array(
        [values[names == c].std(0) + LEAST if counts[c] else values.std(0) + LEAST for c in range(classes)]
    )
    priors, usual = (counts + 1) / (counts.sum() + classes), atlas.argmax(0).astype(np.uint8)

    def predict(image: Image) -> tuple[np.ndarray, np.ndarray]:
        distance = (_colour(image) - means) / deviations
        score = np.log(priors) - np.log(deviations).sum(1) - 0.5 * (distance**2).sum(1)
        odds = np.exp(score - score.max())
        return odds / odds.sum(), usual[np.ix_(*(nearest_indices(n, ATLAS) for n in image.size))]

    return predict


def _colour(image: Image) -> np.ndarray:
    return np.asarray(to_channels(image.array, 3).mean((1, 2), dtype=np.float64))
