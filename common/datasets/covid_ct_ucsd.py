"""COVID-CT: slices lifted from publications, COVID-19 or not (Yang et al. 2020, arXiv 2003.13865).

Two layouts: the authors' repository (Images-processed/{CT_COVID,CT_NonCOVID}, Data-split/{COVID,NonCOVID}/*.txt; its
own loaders number COVID as 0, here as everywhere in the zoo it is 1) and a reduced one (images/{COVID,NonCOVID} and
split.csv), in which the SARS-CoV-2 CT scans of Soares et al. 2020 come, too, without patients.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import SPLITS, Record, describe
from zoo.common.datasets.columns import find_column
from zoo.common.datasets.tables import columns, rows
from zoo.common.datasets.texts import read_names
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Sample

CLASSES = ("normal", "covid")  # normal stands for every other finding, too
FOLDERS = ("NonCOVID", "COVID")  # by label
TASKS = ("classification", "localisation")  # the latter for training by labels; there are no masks
COLUMNS = {"file", "label", "split"}  # and `patient`, where it is known


def recognises(root: Path) -> bool:
    """Say whether the folder holds COVID-CT, official or reduced."""
    return _is_official(root) or _is_reduced(root)


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name what the labels count."""
    return CLASSES


def read(root: Path, task: str) -> list[Record]:
    """List the slices of the authors' split; the group is the patient where it is known, else the slice."""
    if task not in TASKS:
        raise DataError(f"{root}: covid_ct_ucsd is read for {' and '.join(TASKS)}, not for {task}")
    if _is_official(root):
        return _read_official(root)
    if _is_reduced(root):
        return [_reduced(root, row) for row in rows(root / "split.csv")]
    raise DataError(f"{root}: expected Images-processed/ and Data-split/, or split.csv; {describe(root)}")


def _is_official(root: Path) -> bool:
    return all((root / "Data-split" / f).is_dir() and _pictures(root, f).is_dir() for f in FOLDERS)


def _is_reduced(root: Path) -> bool:
    return columns(root / "split.csv") >= COLUMNS and all((root / "images" / f).is_dir() for f in FOLDERS)


def _pictures(root: Path, folder: str) -> Path:
    return root / "Images-processed" / f"CT_{folder}"


def _read_official(root: Path) -> list[Record]:
    records = []
    for label, folder in enumerate(FOLDERS):
        for split in SPLITS:
            listing = root / "Data-split" / folder / f"{split}CT_{folder}.txt"
            if not listing.is_file():
                raise DataError(f"{listing}: this list is missing; {describe(listing.parent)}")
            for name in read_names(listing):
                records.append(_record(_pictures(root, folder) / name, label, split, ""))
    return records


def _reduced(root: Path, row: dict[str, str]) -> Record:
    column = find_column("group", list(row))
    patient = f"{FOLDERS[int(row['label'])]} {row[column]}" if column and row[column] else ""
    return _record(root / row["file"], int(row["label"]), row["split"], patient)


def _record(path: Path, label: int, split: str, patient: str) -> Record:
    group = patient or path.name
    return Record(path.stem, split, group, partial(_load, path, label, group), (path,))


def _load(path: Path, label: int, group: str) -> Sample:
    return Sample(read_image(path), {"label": np.array(label, np.int64)}, group=group)
