"""Splits and folds that keep a patient on one side, and files that store them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

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


def draw_folds(records: Sequence[Record], folds: int, fold: int, seed: int) -> list[Record]:
    """Split for one turn of a cross-validation: fold `fold` is the test, the next one val, the others train.

    Whole groups go to the smallest fold, in an order drawn by the seed; over all turns every case is tested once.
    """
    sizes: dict[str, int] = {}
    for record in records:
        sizes[record.group] = sizes.get(record.group, 0) + 1
    if not 3 <= folds <= len(sizes) or not 0 <= fold < folds:
        raise DataError(
            f"fold {fold} of {folds} for {len(sizes)} group(s); expected 3 to {len(sizes)} folds, counted from 0"
        )
    order = np.random.default_rng(seed).permutation(sorted(sizes))
    filled, chosen = [0] * folds, {}
    for group in sorted(order, key=lambda name: -sizes[name]):  # stable: equal sizes stay in the drawn order
        chosen[group] = int(np.argmin(filled))
        filled[chosen[group]] += sizes[group]
    roles = {fold: "test", (fold + 1) % folds: "val"}
    return [replace(record, split=roles.get(chosen[record.group], "train")) for record in records]


def write_split(path: str | Path, records: Sequence[Record], seed: int) -> Path:
    """Store the split of every case, and the seed it was drawn with, as JSON."""
    path = Path(path)
    cases = {record.name: {"split": record.split, "group": record.group} for record in records}
    if len(cases) < len(records):
        raise DataError(f"{len(records) - len(cases)} case(s) share a name; expected one name per case")
    path.write_text(json.dumps({"seed": seed, "cases": cases}, indent=1) + "\n", encoding="utf-8")
    return path


def read_split(path: str | Path, records: Sequence[Record]) -> list[Record]:
    """Give every case the split that write_split() stored; a case that it does not know is an error."""
    try:
        cases = json.loads(Path(path).read_text(encoding="utf-8"))["cases"]
        splits = {name: case["split"] for name, case in cases.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: not a stored split ({type(error).__name__}: {error}); write_split() makes one"
        ) from error
    unknown = [record.name for record in records if record.name not in splits]
    if unknown:
        raise DataError(f"{path}: {len(unknown)} of {len(records)} cases are not in it, such as {unknown[0]}")
    chosen = [replace(record, split=splits[record.name]) for record in records]
    check_groups(chosen, str(path))
    return chosen


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
