"""Draw small data sets with and without masks, and take steps by a method."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

import zoo
from zoo.common.batches import stack
from zoo.common.datasets import Dataset, Record
from zoo.common.labels import UNKNOWN
from zoo.common.methods import find_method
from zoo.common.methods.contract import Moment
from zoo.common.recipe import Recipe
from zoo.common.types import Sample
from zoo.training.networks import learning_of

PLAIN = Recipe(optimiser="sgd", momentum=0.9, clip_norm=1.0, weight_decay=1e-4)


def open_model(framework: str, **options: object) -> zoo.Model:
    """Open a tiny U-Net with random weights."""
    return zoo.load(
        "2D-UNet", backend=framework, checkpoint=None, variant="tiny", **{"input_size": (32, 32), **options}
    )


def draw_sample(model: zoo.Model, number: int) -> Sample:
    """Draw a labelled sample with a texture, which keeps ReLUs from their corners."""
    sample = type(model.algorithm).example(model.config, np.random.default_rng(number))
    image = sample.image
    noise = 8 * np.random.default_rng([number, 1]).standard_normal(image.array.shape)
    moved = replace(image, array=(image.array + noise).astype(np.float32), name=f"case-{number}")
    return replace(sample, image=moved, group=f"case-{number}")


def without_mask(sample: Sample) -> Sample:
    """Forget the mask."""
    return replace(sample, labels={"mask": np.full(sample.image.size, UNKNOWN, np.int16)})


def scribbled(sample: Sample, share: float = 0.05) -> Sample:
    """Keep a share of the pixels of the mask, the rest being unknown."""
    mask = np.asarray(sample.labels["mask"])
    kept = np.random.default_rng(0).random(mask.shape) < share
    return replace(sample, labels={"mask": np.where(kept, mask, UNKNOWN).astype(np.int16)})


def draw_dataset(model: zoo.Model, train: int = 4, unlabelled: int = 4, change=lambda sample: sample) -> Dataset:
    """Draw a data set in memory; change: of the training samples."""
    numbers = iter(range(1000))
    records = []
    for split, count in (("train", train), ("val", 2), ("unlabelled", unlabelled)):
        for number in (next(numbers) for _ in range(count)):
            sample = draw_sample(model, number)
            sample = change(sample) if split == "train" else sample
            records.append(Record(f"case-{number}", split, f"case-{number}", partial(_same, sample)))
    return Dataset(records, "drawn")


def draw_batch(model: zoo.Model, name: str, rows: int = 2):
    """Draw a batch for a method: labelled rows first, as many without a mask where it uses these, else scribbles."""
    method = find_method(name)
    samples = [draw_sample(model, number) for number in range(rows)]
    if method.uses_partial:
        samples = [scribbled(sample) for sample in samples]
    if method.second == "noisy":
        samples += [draw_sample(model, 100 + number) for number in range(rows)]
    if method.uses_unlabelled:
        samples += [without_mask(draw_sample(model, 100 + number)) for number in range(rows)]
    inputs = stack([model.algorithm.preprocess(sample.image) for sample in samples])
    return inputs, stack([model.algorithm.targets(sample) for sample in samples]), rows


def begin(model: zoo.Model, name: str, recipe: Recipe = PLAIN, **options: object) -> None:
    """Get ready to take steps by a method."""
    algorithm, method = model.algorithm, find_method(name, options)
    method.check(algorithm, model.name)
    learning = learning_of(method, model, 0)
    model.engine.start_training(recipe, algorithm.head, algorithm.undecayed, algorithm.phases, learning)


def take(model: zoo.Model, batch, steps: int, rate: float = 1e-3, first: int = 0, share: float = 0.9) -> list:
    """Take steps on one batch, late in a run, where the method's own term has its weight."""
    inputs, targets, rows = batch
    moments = [Moment(1000 + step, share, rows) for step in range(first, first + steps)]
    return [model.engine.step(inputs, targets, rate, moment.step, moment) for moment in moments]


def _same(sample: Sample) -> Sample:
    return sample
