"""Splits and folds that keep a patient on one side, and files that store them."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from zoo.common.datasets import SPLITS, Dataset, Record
from zoo.common.datasets.texts import read_json
from zoo.common.errors import DataError, ZooWarning

SHARES = (0.70, 0.15, 0.15)  # train, val, test
PROBE_BYTES = 65_536  # of the beginning and the end of a file, read before the whole


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
        cases = read_json(Path(path))["cases"]
        splits = {name: case["split"] for name, case in cases.items()}
    except (DataError, KeyError, TypeError, AttributeError) as error:
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
    empty = [record.name for record in records if not record.split]
    if empty:
        raise DataError(
            f"{origin}: {len(empty)} of {len(records)} cases have no split, such as {empty[0]} (split ''); expected "
            f"{', '.join(SPLITS)} for all or for none. Fill the gaps, or take the column out to have a split drawn"
        )
    first: dict[str, Record] = {}
    for record in records:
        if record.split not in SPLITS:
            raise DataError(
                f"{origin}: {record.name} has split {record.split!r}; expected one of {', '.join(SPLITS)}. Correct it, "
                "or delete the lines of such cases"
            )
        other = first.setdefault(record.group, record)
        if other.split != record.split:
            raise DataError(
                f"{origin}: group {record.group!r} is in two splits ({other.name} in {other.split}, {record.name} in "
                f"{record.split}); put all cases of a patient on one side"
            )


def check_files(records: Iterable[Record], origin: str) -> None:
    """Raise DataError if one image is two cases, however its path is spelled, through links, too."""
    first: dict[tuple[object, int | None], Record] = {}
    for record in records:
        if not record.files:
            continue
        path = record.files[0]
        try:
            status = path.stat()  # the file itself: one number for all of its names
        except OSError as error:
            raise DataError(f"{path}: this image of {origin} is missing; is the data set complete?") from error
        known = (status.st_dev, status.st_ino) if status.st_ino else path.resolve()
        other = first.setdefault((known, record.part), record)
        if other is not record:
            raise DataError(
                f"{origin}: {other.name} ({other.split}) and {record.name} ({record.split}) are one file, "
                f"{path.resolve()}; expected each image once. Take one of them out"
            )


def equal_images(records: Iterable[Record]) -> list[tuple[Record, Record]]:
    """List pairs of cases in different splits whose image files hold the same bytes.

    Only files of one size are opened, and read as a whole only where their beginnings and ends agree. The same picture
    saved anew is not found.
    """
    alike: dict[int, list[Record]] = {}
    for record in records:
        if record.files and record.part is None:
            alike.setdefault(record.files[0].stat().st_size, []).append(record)
    for digest in (_probe, _digest):
        finer: dict[object, list[Record]] = {}
        for size, same in alike.items():
            if len({record.split for record in same}) > 1:
                for record in same:
                    finer.setdefault((size, digest(record.files[0])), []).append(record)
        alike = dict(enumerate(finer.values()))
    return [(same[0], other) for same in alike.values() for other in same[1:] if other.split != same[0].split]


def warn_of_equal_images(dataset: Dataset) -> None:
    """Raise DataError for an image that is two cases, warn of copies of one image on two sides of the split."""
    check_files(dataset.records, dataset.origin)
    pairs = equal_images(dataset.records)
    if pairs:
        one, other = pairs[0]
        warnings.warn(
            f"{dataset.origin}: {len(pairs)} images have an equal file in another split, such as {one.name} "
            f"({one.split}) and {other.name} ({other.split}); scores will be too good. Keep one of each",
            ZooWarning,
            stacklevel=3,
        )


def _probe(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(PROBE_BYTES)
        file.seek(max(0, path.stat().st_size - PROBE_BYTES))
        return hashlib.sha256(head + file.read(PROBE_BYTES)).digest()


def _digest(path: Path) -> bytes:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            whole.update(block)
    return whole.digest()
