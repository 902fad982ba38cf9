"""Batches of pairs: samples of two kinds, each beside one of the other kind that looks alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.common.errors import DataError


@dataclass(frozen=True)
class Pairs:
    """Draw epochs in which every sample of the first kind meets one of the second that is near it by some size.

    firsts, seconds: (n,), (m,) numbers of the samples of each kind; of_firsts, of_seconds: their sizes.
    ranks: how far from the nearest a partner may be, in the order of the second kind's sizes.
    """

    firsts: np.ndarray
    seconds: np.ndarray
    of_firsts: np.ndarray
    of_seconds: np.ndarray
    ranks: int = 100

    def __post_init__(self) -> None:
        if not len(self.firsts) or not len(self.seconds):
            raise DataError(
                f"{len(self.firsts)} samples of one kind and {len(self.seconds)} of the other in the training split; "
                "expected some of both. Give pictures with and without a finding"
            )

    def __call__(self, batch_size: int, repeats: int, rng: np.random.Generator) -> list[list[int]]:
        """List the samples of each batch of an epoch: `batch_size` of the first kind, then their partners.

        What was drawn least often in this epoch comes first among those near enough, so that none is left out for long.
        """
        ordered = self.seconds[np.argsort(self.of_seconds, kind="stable")]
        places = np.searchsorted(np.sort(self.of_seconds), self.of_firsts)
        drawn = np.zeros(len(ordered), np.int64)
        order = rng.permutation(np.tile(np.arange(len(self.firsts)), repeats))
        partners = np.zeros(len(order), np.int64)
        for position, first in enumerate(order):
            low, high = max(0, places[first] - self.ranks), min(len(ordered), places[first] + self.ranks + 1)
            low = min(low, len(ordered) - 1)
            near = low + np.flatnonzero(drawn[low:high] == drawn[low:high].min())
            chosen = rng.choice(near)
            drawn[chosen] += 1
            partners[position] = ordered[chosen]
        size = min(batch_size, len(order))
        return [_batch(self.firsts[order], partners, i, size) for i in range(0, len(order) - size + 1, size)]


def _batch(firsts: np.ndarray, partners: Sequence[int] | np.ndarray, start: int, size: int) -> list[int]:
    """Put some of the first kind and their partners one behind the other."""
    return [int(i) for part in (firsts, partners) for i in part[start : start + size]]
