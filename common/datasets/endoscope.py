"""Capsule endoscopy: how clear a frame is, and what its pixels show (after Kong et al. 2021).

images/*.png, masks/*.png (class numbers, 255 is not judged) and labels.csv: file, clearness, split, video_id. The
authors' own files are not public; this is the layout in which the zoo expects them.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import Record, describe
from zoo.common.datasets.folders import by_name
from zoo.common.datasets.masks import read_mask
from zoo.common.datasets.tables import columns, rows
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Sample

CLEARNESS = ("clear", "partly_obscured", "unusable")
TISSUE = ("outside", "mucosa", "obscured", "lesion")
TASKS = {"classification": CLEARNESS, "segmentation": TISSUE}
COLUMNS = {"file", "clearness", "split", "video_id"}


def recognises(root: Path) -> bool:
    """Say whether labels.csv has the columns of this set."""
    return columns(root / "labels.csv") >= COLUMNS


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the degrees of clearness, or what a pixel may show."""
    return TASKS[task]


def read(root: Path, task: str) -> list[Record]:
    """List the frames, each with both labels whatever the task; the group is the video."""
    if task not in TASKS:
        raise DataError(f"{root}: Endoscope is read for {', '.join(TASKS)}, not for {task}")
    masks = by_name(root / "masks")
    records = []
    for row in rows(root / "labels.csv"):
        path = root / "images" / row["file"].rsplit("/", 1)[-1]
        mask = masks.get(path.stem)
        if mask is None or not path.is_file():
            missing = path if mask else root / "masks" / path.name
            raise DataError(f"{missing}: this file is missing; {describe(missing.parent)}")
        number = _clearness(row["clearness"], root)
        load = partial(_load, path, mask, number, row["video_id"])
        records.append(Record(path.stem, row["split"], row["video_id"], load, (path, mask)))
    return records


def _clearness(value: str, root: Path) -> int:
    if value in CLEARNESS:
        return CLEARNESS.index(value)
    if value.isdigit() and int(value) < len(CLEARNESS):
        return int(value)
    raise DataError(f"{root / 'labels.csv'}: clearness {value!r}; expected {', '.join(CLEARNESS)} or 0 to 2")


def _load(path: Path, mask: Path, number: int, video: str) -> Sample:
    image = read_image(path)
    labels = {"label": np.array(number, np.int64), "mask": read_mask(mask, image, _as_stored)}
    return Sample(image, labels, group=video)


def _as_stored(stored: np.ndarray) -> np.ndarray:
    return stored  # 0 and 255 alone would be taken for black and white
