"""Ki-67 in breast tissue: positive and negative nuclei of three slides (AntoineRouland/ki67, tiles of five fields).

images/, labels/ (numbered nuclei), points.csv (cls 0 negative, 1 positive) and split.csv with the slide. The listed
split has fields of one slide in train and in val; here a slide with any field in val validates as a whole.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from zoo.common.datasets import Record, paired
from zoo.common.datasets.tables import columns
from zoo.common.errors import DataError

TASKS = {
    "point-detection": ("negative", "positive"),
    "instance-segmentation": ("nucleus",),
    "segmentation": ("background", "nucleus"),
}
COLUMNS = {"id", "split", "slide", "n_pos", "n_neg"}


def recognises(root: Path) -> bool:
    """Say whether split.csv has the columns of this set."""
    return columns(root / "split.csv") >= COLUMNS


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name what the labels count."""
    return TASKS[task]


def read(root: Path, task: str) -> list[Record]:
    """List the tiles; the group is the slide."""
    if task not in TASKS:
        raise DataError(f"{root}: ki67_ihc is read for {', '.join(TASKS)}, not for {task}")
    records = paired.read(root, task)
    validate = {record.group for record in records if record.split == "val"}
    return [replace(record, split="val") if record.group in validate else record for record in records]
