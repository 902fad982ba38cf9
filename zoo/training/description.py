"""What a run says of its data, so that it is only ever resumed with the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.common.datasets import NOISY, SPLITS, UNLABELLED, Dataset
from zoo.common.errors import DataError

EDGE_BYTES = 16384  # read at each end of a file; compressed pictures and volumes end with a checksum of the whole


def describe_data(dataset: Dataset) -> dict[str, Any]:
    """Summarise a data set for the log: its folder's name, the cases per split, digests of names and of files.

    Where the split was drawn, `split_drawn` holds the seed, and the fold of a cross-validation.
    Raises DataError when there is nothing to train or to validate on.
    """
    sizes = {split: sum(record.split == split for record in dataset.records) for split in SPLITS}
    if not sizes["train"] or not sizes["val"]:
        raise DataError(f"{dataset.origin}: training needs the splits train and val; the sizes are {sizes}")
    for more in (UNLABELLED, NOISY):
        if count := sum(record.split == more for record in dataset.records):
            sizes[more] = count
    content = {"sha256_of_files": digest_of_files(files)} if (files := all_files(dataset)) else {}
    drawn = {"split_drawn": dataset.drawn} if dataset.drawn else {}
    name = Path(dataset.origin).name
    return {"name": name, "cases": sizes, "sha256_of_names": digest_of_names(dataset), **content, **drawn}


def digest_of_names(dataset: Dataset) -> str:
    """Hash the names of all cases with their splits and groups, in whatever order."""
    lines = sorted(json.dumps([record.name, record.split, record.group]) for record in dataset.records)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def digest_of_order(dataset: Dataset) -> str:
    """Hash the names of all cases in their order, which decides what each step of a run draws."""
    return hashlib.sha256(json.dumps([record.name for record in dataset.records]).encode()).hexdigest()


def all_files(dataset: Dataset) -> set[Path]:
    """Return every file that a data set is read from."""
    return {file for record in dataset.records for file in record.files}


def digest_of_files(files: Iterable[Path]) -> str:
    """Hash names, sizes and both ends of files, in whatever folder and order they lie."""
    return hashlib.sha256("\n".join(sorted(_line(file) for file in files)).encode()).hexdigest()


def _line(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            ends = hashlib.sha256(stream.read(EDGE_BYTES))
            stream.seek(max(size - EDGE_BYTES, 0))
            ends.update(stream.read(EDGE_BYTES))
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); repair the data set") from error
    return f"{file.name} {size} {ends.hexdigest()}"
