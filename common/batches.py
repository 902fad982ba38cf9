"""Training batches that depend on the seed, the epoch and the index alone, whatever the number of workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np

from zoo.common.algorithm import Algorithm, Sampler
from zoo.common.errors import DataError
from zoo.common.types import Arrays, Sample

Pair = tuple[Arrays, Arrays]  # inputs, targets
Draws = list[tuple[int, int]]  # of one batch: number of the draw within its epoch, and of the sample
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


def entering(algorithm: Algorithm[Any], sample: Sample) -> Sample:
    """Return a sample whose image is what the network takes it for, see `Algorithm.enter`."""
    seen = algorithm.enter(sample.image)
    return sample if seen is sample.image else replace(sample, image=seen)


def batches_per_epoch(samples: int, batch_size: int, repeats: int = 1, sampler: Sampler | None = None) -> int:
    """Count the full batches; the rest of an epoch is left out (its samples change every epoch)."""
    if sampler is not None:
        return len(sampler(batch_size, repeats, np.random.default_rng(0)))
    return max(1, samples * repeats // batch_size)


def training_batches(
    algorithm: Algorithm[Any],
    samples: Sequence[Sample],
    batch_size: int,
    seed: int,
    epoch: int,
    skip: int = 0,
    repeats: int = 1,
    sampler: Sampler | None = None,
) -> Iterator[Pair]:
    """Yield the stacked inputs and targets of one epoch in its own random order, from batch `skip` on.

    repeats: how often each sample is drawn, each time with random changes of its own.
    sampler: of the algorithm; without one every batch is a part of one permutation.
    """
    rng = np.random.default_rng([seed, epoch])
    chunks = _sampled(sampler, batch_size, repeats, rng) if sampler else _plain(len(samples), batch_size, repeats, rng)

    def prepare(draw: int, index: int) -> Pair:
        sample = samples[index]
        algorithm.check_labelled(sample.image, trains=True)
        entered = entering(algorithm, sample)
        changed = algorithm.augment(entered, np.random.default_rng([seed, epoch, draw]))
        return algorithm.preprocess(changed.image), algorithm.targets(changed)

    with ThreadPoolExecutor(WORKERS) as pool:
        ahead = [[pool.submit(prepare, *drawn) for drawn in chunk] for chunk in chunks[skip : skip + 2]]
        for position in range(skip, len(chunks)):
            pairs = [future.result() for future in ahead.pop(0)]
            if position + 2 < len(chunks):
                ahead.append([pool.submit(prepare, *drawn) for drawn in chunks[position + 2]])
            yield stack([inputs for inputs, _ in pairs]), stack([targets for _, targets in pairs])


def _plain(samples: int, batch_size: int, repeats: int, rng: np.random.Generator) -> list[Draws]:
    """Cut one permutation into batches."""
    order = [(int(draw), int(draw) % samples) for draw in rng.permutation(samples * repeats)]
    full = batches_per_epoch(samples, batch_size, repeats)
    return [order[i * batch_size : (i + 1) * batch_size] for i in range(full)]


def _sampled(sampler: Sampler, batch_size: int, repeats: int, rng: np.random.Generator) -> list[Draws]:
    """Number what a sampler drew, so that a sample that comes twice is changed twice."""
    draws = count()
    return [[(next(draws), index) for index in chunk] for chunk in sampler(batch_size, repeats, rng)]
