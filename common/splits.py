"""Splits that keep a patient on one side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from zoo.common.datasets import SPLITS, Record
from zoo.common.errors import DataError

SHARES = (0.70, 0.15, 0.15)  # train, val, test


def draw_splits(records: Sequence[Record], seed: int, shares: tuple[float, float, float] = SHARES) -> list[Record]:
    """Give whole groups to train, val and test at random until each share of the cases is met.

    Repeatable: the result depends on the seed and the names of the groups, not on the order of the records.
    """
    sizes: dict[str, int] = {}
    for record in records:
        sizes[record.group] = sizes.get(record.group, 0) + 1
    if len(sizes) < len(shares):
        raise DataError(f"{len(sizes)} group(s) cannot be divided into {', '.join(SPLITS)}; give a column `split`")
    order = np.random.default_rng(seed).permutation(sorted(sizes))
    filled = dict.fromkeys(SPLITS, 0)
    chosen: dict[str, str] = {}
    for group in order:
        # the split that lacks most, relative to its share; so that even three groups fill three splits
        split = min(SPLITS, key=lambda name: filled[name] / shares[SPLITS.index(name)])
        chosen[group] = split
        filled[split] += sizes[group]
    return [replace(record, split=chosen[record.group]) for record in records]


def check_groups(records: Sequence[Record], origin: str) -> None:
    """Raise DataError if a group has cases in two splits, or if a split has an unknown name."""
    first: dict[str, Record] = {}
    for record in records:
        if record.split not in SPLITS:
            raise DataError(f"{origin}: {record.name} has split {record.split!r}; expected one of {', '.join(SPLITS)}")
        other = first.setdefault(record.group, record)
        if other.split != record.split:
            raise DataError(
                f"{origin}: group {record.group!r} is in two splits ({other.name} in {other.split}, {record.name} in "
                f"{record.split}); put all cases of a patient on one side"
            )
