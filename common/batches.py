"""Training batches that depend on the seed, the epoch and the index alone, whatever the number of workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.errors import DataError
from zoo.common.types import Arrays, Sample

Pair = tuple[Arrays, Arrays]  # inputs, targets
WORKERS = 2  # threads that read and augment while the network computes


def stack(items: Sequence[Arrays]) -> dict[str, np.ndarray]:
    """Join arrays of several samples along a new first axis; DataError where names, shapes or types differ."""
    for number, item in enumerate(items):
        if item.keys() != items[0].keys():
            raise DataError(
                f"sample {number} of the batch has {', '.join(sorted(item)) or 'nothing'}, sample 0 has "
                f"{', '.join(sorted(items[0])) or 'nothing'}; expected the same in all. Give all the same labels"
            )
        for name, array in item.items():
            first = items[0][name]
            if array.shape != first.shape or array.dtype.kind != first.dtype.kind:
                raise DataError(
                    f"{name}: {array.shape} {array.dtype} in sample {number} of the batch, {first.shape} {first.dtype} "
                    "in sample 0; expected one shape and type. Bring all samples to one size and number of channels"
                )
    return {name: np.stack([item[name] for item in items]) for name in items[0]}


def batches_per_epoch(samples: int, batch_size: int, repeats: int = 1) -> int:
    """Count the full batches; the rest of an epoch is left out (its samples change every epoch)."""
    return max(1, samples * repeats // batch_size)


def training_batches(
    algorithm: Algorithm[Any],
    samples: Sequence[Sample],
    batch_size: int,
    seed: int,
    epoch: int,
    skip: int = 0,
    repeats: int = 1,
) -> Iterator[Pair]:
    """Yield the stacked inputs and targets of one epoch in its own random order, from batch `skip` on.

    repeats: how often each sample is drawn, each time with random changes of its own.
    """
    order = np.random.default_rng([seed, epoch]).permutation(len(samples) * repeats)

    def prepare(draw: int) -> Pair:
        rng = np.random.default_rng([seed, epoch, draw])
        sample = algorithm.augment(samples[draw % len(samples)], rng)
        return algorithm.preprocess(sample.image), algorithm.targets(sample)

    count = batches_per_epoch(len(samples), batch_size, repeats)
    chunks = [order[i * batch_size : (i + 1) * batch_size] for i in range(skip, count)]
    with ThreadPoolExecutor(WORKERS) as pool:
        ahead = [[pool.submit(prepare, int(i)) for i in chunk] for chunk in chunks[:2]]
        for position in range(len(chunks)):
            pairs = [future.result() for future in ahead.pop(0)]
            if position + 2 < len(chunks):
                ahead.append([pool.submit(prepare, int(i)) for i in chunks[position + 2]])
            yield stack([inputs for inputs, _ in pairs]), stack([targets for _, targets in pairs])
