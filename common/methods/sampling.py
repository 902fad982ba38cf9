"""Batches that mix images with and without labels by a fixed number of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from zoo.common.algorithm import Sampler
from zoo.common.types import Sample


class Joined(Sequence[Sample]):
    """Two lists of samples as one; each sample is read when asked for."""

    def __init__(self, first: Sequence[Sample], second: Sequence[Sample]) -> None:
        self._first, self._second = first, second

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        """Return one sample; slices are not asked for."""
        size = len(self._first)
        return self._first[index] if index < size else self._second[index - size]


def mixed_sampler(labelled: int, unlabelled: int, rows: int) -> Sampler:
    """Return a sampler whose batches begin with `rows` labelled samples, the rest being without labels.

    Samples are numbered with the labelled ones first. An epoch passes once over these, as it does without the others;
    the others are drawn from permutations of their own, a new one when all were drawn.
    """

    def draw(batch_size: int, repeats: int, rng: np.random.Generator) -> list[list[int]]:
        first, second = _endless(labelled, rng), _endless(unlabelled, rng)
        return [
            [*(next(first) for _ in range(rows)), *(labelled + next(second) for _ in range(batch_size - rows))]
            for _ in range(max(1, labelled * repeats // rows))
        ]

    return draw


def _endless(count: int, rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from (int(number) for number in rng.permutation(count))
