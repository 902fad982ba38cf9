"""Pixels that nobody judged, told by the name of their class: `unknown` in classes.txt, `ignore` in nnU-Net's labels.

They get the number 255 (`zoo.common.labels.UNKNOWN`), and the classes behind them move up by one. Where no class is so
called, 255 is unknown beside class numbers, and white in a file of 0 and 255 alone: both in one data set is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from zoo.common.datasets import Record
from zoo.common.datasets.masks import is_black_and_white
from zoo.common.datasets.texts import folded
from zoo.common.errors import DataError
from zoo.common.labels import UNKNOWN
from zoo.common.types import Sample

T = TypeVar("T")
NAME = "unknown"  # of the class, whatever its case


def set_apart(records: Sequence[Record], classes: tuple[str, ...], where: str) -> tuple[list[Record], tuple[str, ...]]:
    """Return cases and classes without the class called unknown, whose pixels become UNKNOWN; as given without one."""
    is_judged = [folded(name) != NAME for name in classes]
    if all(is_judged):
        return list(records), classes
    kept = tuple(name for name, judged in zip(classes, is_judged, strict=True) if judged)
    if not is_judged[0] or len(kept) > UNKNOWN:
        raise DataError(
            f"{where}: the classes {', '.join(classes[:8])} given; expected the background as number 0 and at most "
            f"{UNKNOWN} classes beside {NAME!r}. Number it last"
        )
    table = np.where(is_judged, np.cumsum(is_judged) - 1, UNKNOWN)
    return [replace(record, load=partial(_load, record.load, table)) for record in records], kept


class Meaning:
    """What 255 means in the masks of a data set that are scored, found while they are read."""

    def __init__(self) -> None:
        self._unknown: Path | None = None  # a file in which 255 stands beside class numbers
        self._perhaps: set[Path] = set()  # files of background and class 1 that may be black and white

    def checked(self, load: Callable[[], Sample]) -> Sample:
        """Load a case; DataError where 255 is white in one mask and unknown in another."""
        sample = load()
        path, mask = sample.files.get("mask"), np.asarray(sample.labels["mask"])
        if path is None:
            return sample
        if (mask == UNKNOWN).any():
            self._unknown = self._unknown or path
        elif mask.max(initial=0) == 1:
            self._perhaps.add(path)
        white = None if self._unknown is None else next(filter(is_black_and_white, sorted(self._perhaps)), None)
        if white is not None:
            raise DataError(
                f"{white}: holds 0 and 255 alone, as black and white masks do, but {self._unknown} holds 255 beside "
                f"class numbers, where it is unknown; expected one meaning. Name the classes in classes.txt, {NAME!r} "
                "as the last, and 255 is unknown in all; or write the class as 1"
            )
        if self._unknown is not None:
            self._perhaps.clear()
        return sample


def with_one_meaning(records: Sequence[Record], classes: tuple[str, ...]) -> list[Record]:
    """Return cases of which those that are scored agree in what 255 means; classes: of the data, as it names them."""
    if any(folded(name) == NAME for name in classes):
        return list(records)
    meaning = Meaning()
    return [
        replace(record, load=partial(meaning.checked, record.load)) if record.split in ("val", "test") else record
        for record in records
    ]


def marked_in_part(sample: Sample) -> Sample:
    """Return the sample with a mask whose file holds 0 and 255 alone, elsewhere black and white, as unknown at 255."""
    mask = np.asarray(sample.labels["mask"])
    if mask.max(initial=0) == 1 and "mask" in sample.files and is_black_and_white(sample.files["mask"]):
        mask = np.where(mask == 1, UNKNOWN, mask).astype(np.promote_types(mask.dtype, np.int16))
    return replace(sample, labels={**sample.labels, "mask": mask})


def fitted_to_masks(fit: Callable[[Iterable[Sample]], T], training: Sequence[Sample]) -> T:
    """Fit to training masks, in which 255 means one thing: unknown in all, where it stands beside class numbers in one.

    What it means is clear only when all were read; then masks of 0 and 255 alone may have to be read again.
    """
    perhaps, unknown = set[Path](), list[bool]()

    def watched() -> Iterator[Sample]:
        for sample in training:
            mask = np.asarray(sample.labels["mask"])
            unknown.append(bool((mask == UNKNOWN).any()))
            if mask.max(initial=0) == 1 and "mask" in sample.files:
                perhaps.add(sample.files["mask"])
            yield sample

    found = fit(watched())
    if any(unknown) and any(map(is_black_and_white, perhaps)):
        return fit(map(marked_in_part, training))
    return found


def _load(load: Callable[[], Sample], table: np.ndarray) -> Sample:
    """Load a case; numbers beyond the table stay, for whoever checks them."""
    sample = load()
    mask = np.asarray(sample.labels["mask"])
    is_named = (mask >= 0) & (mask < len(table))
    changed = np.where(is_named, table[np.where(is_named, mask, 0)], mask)
    return replace(sample, labels={**sample.labels, "mask": changed.astype(np.promote_types(mask.dtype, np.int16))})
