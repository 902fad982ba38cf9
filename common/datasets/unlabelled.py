"""Cases without a label: left to methods that learn from images alone, an error for everyone else."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import NOISY, UNLABELLED, Record
from zoo.common.datasets.mask_names import read_channels
from zoo.common.errors import DataError, ZooWarning
from zoo.common.labels import UNKNOWN
from zoo.common.types import Image, Sample

REMEDY = "Or learn from these images as they are: `zoo methods --kind semi-supervised`"


def image_alone(paths: tuple[Path, ...], name: str, group: str) -> Sample:
    """Read an image of which every pixel is unknown."""
    return unknown_sample(read_channels(paths, name), group)


def unknown_sample(image: Image, group: str) -> Sample:
    """Return an image with a mask in which every pixel is unknown."""
    return Sample(image, {"mask": np.full(image.size, UNKNOWN, np.int16)}, group)


def part(records: Sequence[Record]) -> tuple[list[Record], list[Record], list[Record]]:
    """Divide cases into those with labels, those without, by `lacks` and by their split, and those of wrong labels."""
    without = [record for record in records if record.lacks or record.split == UNLABELLED]
    noisy = [record for record in records if record.split == NOISY and not record.lacks]
    chosen = {id(record) for record in (*without, *noisy)}
    return [record for record in records if id(record) not in chosen], without, noisy


def beside(labelled: Sequence[Record], others: Sequence[Record], origin: str) -> list[Record]:
    """Return those of other cases whose groups are neither validated nor tested on: a patient is on one side.

    A warning counts those that are left out.
    """
    tested = {record.group for record in labelled if record.split in ("val", "test")}
    kept = [record for record in others if record.group not in tested]
    if len(kept) < len(others):
        kind = "with a wrong mask" if others[0].split == NOISY else "without a label"
        _say(
            f"{origin}: {len(others) - len(kept)} images {kind} are left out, because their groups are in the "
            "validation or test split"
        )
    return kept


def settle(labelled: Sequence[Record], without: Sequence[Record], wanted: bool | None, origin: str) -> list[Record]:
    """Return the cases of the split `unlabelled`; none where they are not wanted.

    wanted: False raises DataError for those whose label is missing, and leaves out those that were set apart, with a
    warning; None leaves all of them out. In any case one of the validation or test split has to have its label, and
    images of a group that is validated or tested on are left out: a patient is on one side.
    """
    owed = [record for record in without if record.lacks and record.split != UNLABELLED]
    due = next((record for record in owed if wanted is False or record.split in ("val", "test")), None)
    if due is not None or (owed and not labelled):
        first = due or owed[0]
        raise DataError(
            f"{first.lacks}. {REMEDY}" if wanted is False and first.split not in ("val", "test") else first.lacks
        )
    if not wanted:
        if without:
            _say(f"{origin}: {len(without)} images without a label are left out, such as {without[0].name}")
        return []
    kept = beside(labelled, without, origin)
    return [replace(record, split=UNLABELLED, load=partial(forgotten, record.load)) for record in kept]


def forgotten(load: Callable[[], Sample]) -> Sample:
    """Load a case without what its mask says, should it have one."""
    sample = load()
    return unknown_sample(sample.image, sample.group)


def _say(message: str) -> None:
    warnings.warn(message, ZooWarning, stacklevel=4)
