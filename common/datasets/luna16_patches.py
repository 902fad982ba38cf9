"""Nodule candidates of LUNA16 as patches of 50 x 50 pixels: patches.npz (images, labels) and split.csv."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import Record, describe
from zoo.common.datasets.tables import columns, rows
from zoo.common.errors import DataError
from zoo.common.types import Image, Sample

CLASSES = ("other", "nodule")
COLUMNS = {"index", "candidate_row", "label", "split"}


def recognises(root: Path) -> bool:
    """Say whether there are patches with a split."""
    return (root / "patches.npz").is_file() and columns(root / "split.csv") >= COLUMNS


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name what the labels count."""
    return CLASSES


def read(root: Path, task: str) -> list[Record]:
    """List the candidates; scans are not named, the split keeps blocks of neighbouring candidates together."""
    if task != "classification":
        raise DataError(f"{root}: luna16_patches is read for classification, not for {task}")
    listed = rows(root / "split.csv")
    try:
        with np.load(root / "patches.npz", allow_pickle=False) as content:
            patches, labels = content["images"], content["labels"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{root / 'patches.npz'}: expected images and labels ({error}); {describe(root)}") from error
    if patches.ndim != 3 or len(patches) != len(labels) or any(int(row["index"]) >= len(labels) for row in listed):
        raise DataError(
            f"{root}: {patches.shape} patches, {len(labels)} labels, {len(listed)} lines; expected one each"
        )
    records, files = [], (root / "patches.npz",)
    for row in listed:
        index, name = int(row["index"]), f"candidate-{row['candidate_row']}-{row['index']}"
        records.append(
            Record(name, row["split"], name, partial(_load, patches[index], labels[index], name), files, index)
        )
    return records


def _load(patch: np.ndarray, label: np.ndarray, name: str) -> Sample:
    image = Image(patch[None].astype(np.float32), name=name)
    return Sample(image, {"label": np.array(label, np.int64)}, group=name)
