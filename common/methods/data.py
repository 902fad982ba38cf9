"""A data set as a method may see it: what is unknown in the masks of the training split."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.datasets import NOISY, SPLITS, Dataset, Record
from zoo.common.datasets.unknown import marked_in_part
from zoo.common.datasets.unlabelled import forgotten
from zoo.common.errors import ConfigError, DataError, ZooWarning
from zoo.common.labels import UNKNOWN
from zoo.common.methods import find_method, list_methods
from zoo.common.methods.contract import Method
from zoo.common.recipe import Recipe
from zoo.common.segmentation.options import check_loss
from zoo.common.types import Sample


def chosen_method(
    name: str, options: Mapping[str, Any] | None, recipe: Recipe, algorithm: Algorithm[Any], entry: str
) -> Method:
    """Open a method; ConfigError where the entry cannot serve it, or where either has no use for the recipe's loss."""
    method = find_method(name, options)
    method.check(algorithm, entry)
    check_loss(recipe.loss, recipe.class_weights, algorithm, entry)
    if recipe.loss and not method.takes_loss:
        raise ConfigError(
            f"loss={recipe.loss!r}: {method.name} compares pixels by a loss of its own; leave the loss away, or choose "
            f"one of the methods {', '.join(other for other in list_methods() if find_method(other).takes_loss)}"
        )
    return method


def fitting(dataset: Dataset, method: Method, labels: tuple[str, ...]) -> Dataset:
    """Return the data set with 255 in training masks read as unknown where the method knows what to do with it.

    Elsewhere a training mask that holds an unknown pixel is an error when it is read. Validation and test masks stay
    as they are: what is unknown there counts in no score. labels: of the algorithm; only masks alone are looked at.
    """
    if labels != ("mask",):
        return dataset
    if method.uses_images_only:
        return _images_only(dataset)
    read = _in_part if method.uses_partial else _whole
    records = [
        replace(record, load=partial(read, record.load, record.name)) if record.split in ("train", NOISY) else record
        for record in dataset.records
    ]
    if method.uses_partial:
        training = [record for record in records if record.split == "train"]
        _check_marked(training, dataset.origin, method, dataset.classes)
        for record in records:
            if record.split == "val":
                record.load()  # what 255 means has to be clear before the run begins, see datasets/unknown.py
    kept = [record for record in records if record.split in (*SPLITS, method.second)]
    if len(kept) < len(records):
        others = sorted({record.split for record in records} - {*SPLITS, method.second})
        many = f"{dataset.origin}: {len(records) - len(kept)} images of the split {' and '.join(others)}"
        told = f"{many} are left out, which {method.name} "
        warnings.warn(f"{told}does not use; `zoo methods` lists those that do", ZooWarning, stacklevel=3)
    return Dataset(kept, dataset.origin, dataset.classes, dataset.drawn, dataset.counted)


def _check_marked(training: Sequence[Record], origin: str, method: Method, classes: Sequence[str]) -> None:
    """Raise DataError where no mask marks anything but the background; warn of a class that none marks.

    Looks until all classes were seen, mostly at the first masks. classes: their names, where the data says them.
    """
    names = classes or ("background",)
    seen: set[int] = set()
    for record in training:
        mask = np.asarray(record.load().labels["mask"])
        seen |= {*np.unique(mask[mask != UNKNOWN]).tolist()}
        if seen >= {*range(len(names))} and len(seen) > 1:
            return
    if training and not any(seen):
        raise DataError(
            f"{origin}: none of {len(training)} training masks marks any class; {method.name} takes {UNKNOWN} for "
            "unknown, in masks of 0 and 255 alone, too. Write the class as 1; whole masks are for `supervised`"
        )
    if unmarked := [name for number, name in enumerate(names) if number not in seen]:
        warnings.warn(
            f"{origin}: none of {len(training)} training masks marks {', '.join(unmarked)}; {method.name} learns "
            "nothing of it, and will find other classes in its place. Mark some pixels of each class",
            ZooWarning,
            stacklevel=4,
        )


def _images_only(dataset: Dataset) -> Dataset:
    """Return all images but those of the test split, without what their masks say; those of val stay unseen."""
    records = [
        replace(record, split="val" if record.split == "val" else "train", load=partial(forgotten, record.load))
        for record in dataset.records
        if record.split != "test"
    ]
    return Dataset(records, dataset.origin, dataset.classes, dataset.drawn, dataset.counted)


def _in_part(load: Callable[[], Sample], name: str) -> Sample:
    return marked_in_part(load())


def _whole(load: Callable[[], Sample], name: str) -> Sample:
    sample = load()
    if "mask" in sample.labels and (np.asarray(sample.labels["mask"]) == UNKNOWN).any():
        raise DataError(
            f"{sample.files.get('mask', name)}: has unknown pixels ({UNKNOWN}); expected a class for every pixel. "
            "Complete the mask, or learn from a part of it: `zoo methods --kind weakly-supervised`"
        )
    return sample
