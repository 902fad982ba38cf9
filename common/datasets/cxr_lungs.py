"""Chest radiographs with lung masks, COVID-19 and other pneumonias (GeneralBlockchain 2020, masks CC BY 4.0).

The reduced layout: images/, masks/ (1 right lung, 2 left lung, 3 heart and mediastinum) and split.csv with patients.
Both lungs are one class here. Other lung pictures are read as images/ beside masks/, see paired.py.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from zoo.common.datasets import Record
from zoo.common.datasets.folders import by_name, files_of
from zoo.common.datasets.masks import mapped, read_masked
from zoo.common.datasets.tables import columns, rows
from zoo.common.errors import DataError

CLASSES = ("background", "lung")
VALUES = {1: 1, 2: 1}  # the mediastinum is background
COLUMNS = {"id", "split", "patient", "frac_right_lung", "frac_left_lung"}


def recognises(root: Path) -> bool:
    """Say whether split.csv has the columns of this set."""
    return columns(root / "split.csv") >= COLUMNS


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name what the masks count."""
    return CLASSES


def read(root: Path, task: str) -> list[Record]:
    """List the radiographs; the group is the patient."""
    if task != "segmentation":
        raise DataError(f"{root}: cxr_lungs is read for segmentation, not for {task}")
    images, masks = by_name(root / "images"), by_name(root / "masks")
    records = []
    for row in rows(root / "split.csv"):
        name = row["id"]
        if name not in images or name not in masks:
            raise DataError(f"{root}: {name} needs images/{name}.jpg and masks/{name}.png; is the set complete?")
        load = partial(read_masked, images[name], masks[name], row["patient"], mapped(VALUES))
        records.append(Record(name, row["split"], row["patient"], load, files_of(images[name], masks[name])))
    return records
