"""Lung-masked CT slices, lesion or normal, derived from the COVID-19-20 challenge by Yang et al. (ISBI 2021).

Two layouts: the authors' repository (data/gan/{lesion,normal}/{lesion,normal}_<id>.png, 512 px, masks in
data/gan/eval/mask/lesion_<id>_mask.jpg) and a reduced one (images/, masks/ and split.csv with image, label, slice_id,
split and, with masks, mask). Slices carry no patient. Both classes number the slices of
the same volumes in the same order, so ranges of ids with unused guard bands between them keep patients apart.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import Record, describe
from zoo.common.datasets.columns import find_column
from zoo.common.datasets.folders import matching
from zoo.common.datasets.masks import bright, read_mask
from zoo.common.datasets.tables import columns, rows
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Sample

CLASSES = ("normal", "covid")  # covid: a lesion of COVID-19 is in this slice
FOLDERS = ("normal", "lesion")
TASKS = ("classification", "localisation", "segmentation")
COLUMNS = {"image", "label", "slice_id", "split"}
# first and last slice id of each split, by folder; ids between the ranges are guard bands and stay unused
RANGES: dict[str, dict[str, tuple[int, float]]] = {
    "lesion": {"train": (0, 3200), "val": (3341, 3880), "test": (4000, np.inf)},
    "normal": {"train": (0, 6019), "val": (6290, 7158), "test": (7326, np.inf)},
}


def recognises(root: Path) -> bool:
    """Say whether the folder holds these slices, official or reduced."""
    return _official(root) is not None or columns(root / "split.csv") >= COLUMNS


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name what the labels or the masks count."""
    return ("background", "lesion") if task == "segmentation" else CLASSES


def read(root: Path, task: str) -> list[Record]:
    """List the slices; each is its own group, because the split by ranges already keeps volumes apart."""
    if task not in TASKS:
        raise DataError(f"{root}: covid_ct_wll is read for {', '.join(TASKS)}, not for {task}")
    official = _official(root)
    if official is not None:
        return _read_official(official, task)
    if columns(root / "split.csv") >= COLUMNS:
        return [_reduced(root, row, task) for row in rows(root / "split.csv")]
    raise DataError(f"{root}: expected data/gan/lesion and data/gan/normal, or split.csv; {describe(root)}")


def split_of(folder: str, slice_id: int) -> str | None:
    """Return the split of a slice of folder lesion or normal; None in a guard band."""
    for split, (first, last) in RANGES[folder].items():
        if first <= slice_id <= last:
            return split
    return None


def _official(root: Path) -> Path | None:
    """Return the folder that holds lesion/ and normal/ of the authors' repository."""
    for base in (root, root / "gan", root / "data" / "gan"):
        if all(matching(base / name, f"{name}_*.png") for name in FOLDERS):
            return base
    return None


def _read_official(base: Path, task: str) -> list[Record]:
    records = []
    for label, folder in enumerate(FOLDERS):
        for path in matching(base / folder, f"{folder}_*.png"):
            match = re.fullmatch(rf"{folder}_(\d+)", path.stem)
            if match is None:
                raise DataError(f"{path}: expected {folder}_<number>.png")
            split = split_of(folder, int(match[1]))
            mask = base / "eval" / "mask" / f"{path.stem}_mask.jpg"
            if split is not None:
                records.append(_record(path, label, split, mask, task))
    return records


def _reduced(root: Path, row: dict[str, str], task: str) -> Record:
    path, label = root / row["image"], int(row["label"])
    mask = root / (row.get("mask") or f"masks/{path.name}")
    patients = find_column("group", list(row))  # not in the set itself, but in tables of others that look like it
    return _record(path, label, row["split"], mask, task, row[patients] if patients else "")


def _record(path: Path, label: int, split: str, mask: Path, task: str, group: str = "") -> Record:
    files = (path, mask) if label and task != "classification" else (path,)
    group = group or path.stem
    return Record(path.stem, split, group, partial(_load, path, label, mask, task, group), files)


def _load(path: Path, label: int, mask: Path, task: str, group: str) -> Sample:
    image = read_image(path)
    labels = {}
    if task != "segmentation":
        labels["label"] = np.array(label, np.int64)
    if task != "classification":  # a normal slice has no lesion to outline, and no file
        labels["mask"] = read_mask(mask, image, bright) if label else np.zeros(image.size, np.int16)
    return Sample(image, labels, group=group)
