"""Which pixels of a batch are believed: those that cost a network little."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from zoo.common.errors import ZooWarning
from zoo.common.labels import UNKNOWN
from zoo.common.methods.ramps import position, sigmoid_ramp
from zoo.common.types import Arrays

ROUNDING = 1e-6  # by which a mean of equal probabilities may miss them
FEW = 0.5  # share of the objects' pixels below which a network unlearns them


def believed(costs: Sequence[np.ndarray], mask: np.ndarray, share: float, told: dict[str, float]) -> list[np.ndarray]:
    """Mark for each network the known pixels that cost it least, and tell how much of the objects is among them.

    Where that is little, small objects pass for noise, and networks that leave them out never learn them again.
    """
    known = mask != UNKNOWN
    chosen = [cheapest(cost, share, known) for cost in costs]
    objects = known & (mask != 0)
    if objects.any():
        told["kept_of_objects"] = float(np.mean([choice[objects].mean() for choice in chosen]))
        if told["kept_of_objects"] < FEW:
            warnings.warn(
                "fewer than half of the pixels that are marked as an object are believed. noise_share counts all "
                "pixels, the background's, too; choose one that is smaller than the objects are, by validation",
                ZooWarning,
                stacklevel=2,
            )
    return chosen


def cheapest(costs: np.ndarray, share: float, known: np.ndarray) -> np.ndarray:
    """Mark the share of the known pixels that cost least, 0 or 1 float32; at least one where any is known."""
    among = costs[known]
    if not among.size:
        return np.zeros(costs.shape, np.float32)
    kept = max(1, min(among.size, round(share * among.size)))
    limit = np.partition(among, kept - 1)[kept - 1]
    return (known & (costs <= limit)).astype(np.float32)


def kept_share(share: float, noise_share: float, rise: tuple[float, float], is_linear: bool = False) -> float:
    """Return the share of the pixels that is believed: all at first, all but the noise at the end of the rise."""
    ramp = position(share, rise) if is_linear else sigmoid_ramp(share, rise)
    return 1 - noise_share * ramp


def suspects(p: np.ndarray, labels: np.ndarray, memory: dict[str, np.ndarray], momentum: float = 0.9) -> Arrays:
    """Mark the pixels whose label a judge doubts with confidence (Northcutt et al. 2021), (n, *size) bool.

    p: (n, k, *size) probabilities of the judge. A class is likely for a pixel whose probability of it is at least the
    mean over the pixels that are labelled so; that mean is kept from batch to batch in `memory`. A pixel is suspected
    where the likeliest of its likely classes is not its label.
    """
    k = p.shape[1]
    means = np.array([p[:, c][labels == c].mean() if (labels == c).any() else np.nan for c in range(k)])
    before = memory.get("self_confidence", means)
    mixed = np.where(
        np.isnan(before), means, np.where(np.isnan(means), before, momentum * before + (1 - momentum) * means)
    )
    memory["self_confidence"] = mixed
    limits = np.where(np.isnan(mixed), np.inf, mixed).reshape(1, k, *[1] * (p.ndim - 2))
    likely = np.where(p >= limits - ROUNDING, p, -1.0)
    best = likely.argmax(axis=1)
    return {"suspected": (likely.max(axis=1) > 0) & (best != labels) & (labels < k)}
