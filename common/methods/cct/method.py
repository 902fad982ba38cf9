"""What a step of cross-consistency training is: decoders on disturbed features, each disturbed by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from zoo.common.methods.contract import DECODER
from zoo.common.methods.kinds import SemiSupervised
from zoo.common.ranges import NotNegative, ShareBelowOne

NOISE = 0.3  # largest share by which a feature is changed
PROBE = 0.01  # of that length, from which the direction is found: 0.1 of 10 as published
DROPPED = (0.7, 0.9)  # of the largest activity, from which on a place is dropped


@dataclass(frozen=True)
class CrossConsistency(SemiSupervised):
    """Four further decoders see disturbed features of images without a mask, and have to answer as the network does.

    Ouali et al. 2020: dropped channels, dropped places of much activity, noise, and what changes a decoder's answer
    most; each decoder has a disturbance of its own, of the same features.
    """

    companions: ClassVar[tuple[str, ...]] = (DECODER, DECODER, DECODER, DECODER)

    distance: Literal["squared", "divergence"] = "squared"  # of two answers
    dropout: ShareBelowOne = 0.5  # share of the channels that the first decoder does not see
    adversarial: NotNegative = 0.1  # length of what the last one finds added, as a share of the features' own

    def disturbances(self, features: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        """Draw what to multiply features (n, c, *size) by, one array for each decoder but the last."""
        n, c, *size = features.shape
        channels = (rng.random((n, c, *[1] * len(size))) >= self.dropout) / (1 - self.dropout)
        active = features.mean(axis=1, keepdims=True)
        limit = active.max(axis=tuple(range(1, active.ndim)), keepdims=True)
        places = active < limit * rng.uniform(*DROPPED, size=limit.shape)
        noise = 1 + rng.uniform(-NOISE, NOISE, features.shape)
        return [factor.astype(np.float32) for factor in (channels, places, noise)]

    def start(self, size: Sequence[int], rng: np.random.Generator) -> np.ndarray:
        """Draw where the search for the last decoder's disturbance begins."""
        return rng.uniform(-0.5, 0.5, tuple(size)).astype(np.float32)
