"""One folder per picture with one mask per object, as in the Data Science Bowl 2018 (BBBC038).

<id>/images/<id>.png and <id>/masks/*.png, white on black, below the root or below folders of splits, such as
stage1_train/. Where masks overlap the first by name wins.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import SPLITS, Record, describe
from zoo.common.datasets.columns import split_name
from zoo.common.datasets.folders import folders, pictures, without_suffix
from zoo.common.datasets.masks import read_mask
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Sample

TASKS = {"instance-segmentation": ("nucleus",), "segmentation": ("background", "nucleus")}


def recognises(root: Path) -> bool:
    """Say whether a folder below holds images/ and masks/ of its own."""
    return root.is_dir() and any(_is_case(path) for part in (root, *folders(root)) for path in folders(part))


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the one thing that is outlined."""
    return TASKS[task]


def read(root: Path, task: str) -> list[Record]:
    """List the pictures; folders that are named after splits, with stage1_ before it or not, give them."""
    if task not in TASKS:
        raise DataError(f"{root}: a mask per object is read for {', '.join(TASKS)}, not for {task}")
    parts = [(path, split_name(path.name.removeprefix("stage1_"))) for path in folders(root) if not _is_case(path)]
    found = [(path, "") for path in folders(root) if _is_case(path)]
    found += [(path, split) for part, split in parts for path in folders(part) if _is_case(path)]
    if not found:
        raise DataError(f"{root}: looked for <id>/images/ beside <id>/masks/; {describe(root)}")
    splits = {split for _, split in found}
    given = splits <= set(SPLITS) and len(splits) > 1  # the training folder alone gets a drawn split
    return [_record(path, split if given else "", task) for path, split in found]


def _is_case(path: Path) -> bool:
    """Say whether a folder holds the picture that it is called after, and masks."""
    if not (path / "masks").is_dir() or not (path / "images").is_dir():
        return False
    return any(without_suffix(picture.name) == path.name for picture in pictures(path / "images"))


def _record(case: Path, split: str, task: str) -> Record:
    shown = pictures(case / "images")
    if len(shown) != 1:
        raise DataError(f"{case / 'images'}: {len(shown)} pictures; expected one. Remove the others")
    masks = pictures(case / "masks")
    load = partial(_load, shown[0], masks, case.name, task)
    source = "from folders named after splits" if split else ""
    return Record(case.name, split, case.name, load, (shown[0], *masks), None, source)


def _load(path: Path, masks: list[Path], name: str, task: str) -> Sample:
    image = read_image(path)
    drawn = np.zeros(image.size, np.int32)
    for number, mask in enumerate(masks, start=1):
        drawn[(read_mask(mask, image) > 0) & (drawn == 0)] = number
    labels = {"instances": drawn} if task == "instance-segmentation" else {"mask": (drawn > 0).astype(np.int16)}
    return Sample(image, labels, name)
