"""Scribbles made wider: what a network that learned from them is sure of becomes a mark, too."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from zoo.common.labels import UNKNOWN


def expanded(mask: np.ndarray, p: np.ndarray, limit: float) -> np.ndarray:
    """Return a mask whose unknown pixels take the likeliest class where its entropy lies below a limit.

    As DMSPS does between its stages (Han et al. 2024): of each class, in each slice, only the largest part that hangs
    together is taken, the marks included; what was marked stays as it was.
    mask: (h, w) or (d, h, w), 255 for unknown. p: (k, *size), sums to 1 along k. limit: share of the largest entropy.
    """
    k = len(p)
    entropy = -(p * np.log(np.maximum(p, 1e-12))).sum(axis=0) / np.log(k)
    sure = np.where((mask == UNKNOWN) & (entropy < limit), p.argmax(axis=0), mask)
    planes, found = (x.reshape(-1, *mask.shape[-2:]) for x in (sure, mask))
    kept = np.array(found)
    for plane, marks, out in zip(planes, found, kept, strict=True):
        for label in range(k):
            part = _largest(plane == label)
            out[part & (marks == UNKNOWN)] = label
    return kept.reshape(mask.shape)


def _largest(part: np.ndarray) -> np.ndarray:
    """Return the largest piece that hangs together."""
    numbers, count = ndimage.label(part)
    if count < 2:
        return part
    return np.asarray(numbers == 1 + np.bincount(numbers.ravel())[1:].argmax())
