"""How unsure repeated predictions of one image are: per voxel and per structure.

Samples are (n, ...) probabilities of the foreground from dropout, test-time flips or an ensemble; of several classes,
(n, k, ...) that sum to 1 over k, for the functions called `categorical_...`. Entropies are in nats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import xlogy

from zoo.common.errors import InputError

EPS = 1e-5  # ivadomed's; the entropy of a sure voxel is -1e-5, hence the clipping at 0


@dataclass(frozen=True, eq=False)
class Structures:
    """The structures of a mask and how much the samples disagree about each.

    labels: (...) int, 0 = none, i + 1 = structure i. Per structure (k,): `iou` over all samples, 1 = all agree; `cv`,
    deviation over mean of the volumes, 0 = all agree, nan when no sample shows it; `mean_entropy` of its voxels [nat].
    """

    labels: np.ndarray
    iou: np.ndarray
    cv: np.ndarray
    mean_entropy: np.ndarray

    def paint(self, values: np.ndarray) -> np.ndarray:
        """Draw one value per structure into a map like `labels`, 0 elsewhere."""
        return np.append(0.0, values)[self.labels]


def entropy(samples: np.ndarray, eps: float = EPS) -> np.ndarray:
    """Return the entropy of the mean sample per voxel, -sum_c p ln(p + eps) over fore- and background, at least 0."""
    return categorical_entropy(_two_classes(samples), eps)


def categorical_entropy(samples: np.ndarray, eps: float = EPS) -> np.ndarray:
    """Return the same of several classes, (n, k, ...) -> (...); at most ln k (Gal and Ghahramani 2016)."""
    mean = _samples(samples).mean(0)
    return np.clip(-(mean * np.log(mean + eps)).sum(0), 0, None)


def variance(samples: np.ndarray) -> np.ndarray:
    """Return the population variance of the samples per voxel, in [0, 1/4]."""
    return _samples(samples).var(0)


def mutual_information(samples: np.ndarray) -> np.ndarray:
    """Return H(mean p) - mean H(p) per voxel [nat] (BALD, Houlsby et al. 2011); 0 log 0 = 0, at least 0.

    The part of the entropy that comes from samples disagreeing; what remains is noise that all of them see.
    """
    return categorical_mutual_information(_two_classes(samples))


def categorical_mutual_information(samples: np.ndarray) -> np.ndarray:
    """Return the same of several classes, (n, k, ...) -> (...)."""
    samples = _samples(samples)
    mean = samples.mean(0)
    return np.clip(xlogy(samples, samples).sum(1).mean(0) - xlogy(mean, mean).sum(0), 0, None)


def structure_uncertainty(
    samples: np.ndarray, mask: np.ndarray | None = None, threshold: float = 0.5, min_voxels: int = 2
) -> Structures:
    """Measure per connected structure how much the samples disagree about it (Roy et al. 2018, Nair et al. 2020).

    mask: (...) whose structures are rated; None = mean sample >= 0.5. Neighbours touch by a face or an edge (8 in 2D,
    18 in 3D). In each sample, cut at > threshold, the structure is the component that shares most voxels with it,
    nothing if none does. Structures below `min_voxels` get no label. iou is 0 when no sample shows the structure.
    """
    samples = _samples(samples)
    if mask is not None and mask.shape != samples.shape[1:]:
        raise InputError(f"mask of shape {mask.shape} given; expected {samples.shape[1:]}, one sample's")
    mask = samples.mean(0) >= 0.5 if mask is None else np.asarray(mask) != 0
    labels, k = _label(mask)
    sizes = np.bincount(labels.ravel(), minlength=k + 1)
    is_kept = sizes >= min_voxels
    is_kept[0] = False
    labels = np.where(is_kept, np.cumsum(is_kept), 0)[labels]
    found = [_label(sample > threshold)[0] for sample in samples]
    unsure = entropy(samples)
    rows = [(*_agreement(labels == i + 1, found), unsure[labels == i + 1].mean()) for i in range(is_kept.sum())]
    iou, cv, mean_entropy = np.array(rows, np.float64).reshape(-1, 3).T
    return Structures(labels, iou, cv, mean_entropy)


def _agreement(structure: np.ndarray, found: list[np.ndarray]) -> tuple[float, float]:
    """Return the IoU over all samples and the coefficient of variation of the volumes."""
    masks = []
    for labels in found:
        counts = np.bincount(labels[structure])
        counts[0] = 0  # the background is no component, however much of it lies in the structure
        masks.append(labels == counts.argmax() if counts.any() else np.zeros_like(structure))
    volumes = np.array([mask.sum() for mask in masks], np.float64)
    union = np.logical_or.reduce(masks).sum()
    iou = np.logical_and.reduce(masks).sum() / union if union else 0.0
    return float(iou), float(volumes.std() / volumes.mean()) if union else float("nan")


def _label(mask: np.ndarray) -> tuple[np.ndarray, int]:
    labels, n = ndimage.label(mask, ndimage.generate_binary_structure(mask.ndim, min(2, mask.ndim)))
    return labels, int(n)


def _two_classes(samples: np.ndarray) -> np.ndarray:
    samples = _samples(samples)
    return np.stack([1 - samples, samples], axis=1)


def _samples(samples: np.ndarray) -> np.ndarray:
    samples = np.asarray(samples, np.float64)
    if samples.ndim < 2 or not len(samples) or not ((samples >= 0) & (samples <= 1)).all():
        raise InputError(f"samples of shape {samples.shape} given; expected (n, ...) probabilities in [0, 1], n > 0")
    return samples
