"""Colonoscopy polyps: PraNet's packaging of Kvasir and CVC, and the archives of ETIS, CVC-ClinicDB and Kvasir-SEG.

PraNet: TrainDataset/{images,masks} (900 Kvasir, 550 ClinicDB) and TestDataset/<set>/{images,masks}, one or both.
ETIS-LaribPolypDB: ETIS-LaribPolypDB/<n>.tif, Ground Truth/p<n>.tif. CVC-ClinicDB: Original/, Ground Truth/. Masks are
white with grey fringes. No patients are given; every tenth training picture validates.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.boxes import boxes_of_labels
from zoo.common.datasets import Record, describe
from zoo.common.datasets.folders import by_name, folders
from zoo.common.datasets.masks import bright, parts_of, read_mask
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Sample

TASKS = {
    "segmentation": ("background", "polyp"),
    "detection": ("polyp",),
    "instance-segmentation": ("polyp",),
}
PAIRS = (("Original", "Ground Truth"), ("ETIS-LaribPolypDB", "Ground Truth"), ("image", "mask"), ("images", "masks"))
HELD_BACK = 10  # one in so many training pictures validates


def recognises(root: Path) -> bool:
    """Say whether this is PraNet's packaging or one of the archives; images/ beside masks/ alone is not."""
    return bool(_packaged(root)) or any(_archive(root, *pair) for pair in PAIRS[:2])


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the one thing that is marked."""
    return TASKS[task]


def read(root: Path, task: str) -> list[Record]:
    """List the pictures with PraNet's split; an archive alone gets a drawn one."""
    if task not in TASKS:
        raise DataError(f"{root}: polyps are read for {', '.join(TASKS)}, not for {task}")
    records = []
    for name, folder, split in _packaged(root) or [("", root, "")]:
        pictures, masks = next((p for pair in PAIRS if (p := _archive(folder, *pair))), ({}, {}))
        if not pictures:
            raise DataError(f"{folder}: looked for {', '.join('/ and '.join(p) for p in PAIRS)}; {describe(folder)}")
        for i, (key, path) in enumerate(sorted(pictures.items(), key=lambda pair: (len(pair[0]), pair[0]))):
            mask = masks.get(key) or masks.get(f"p{key}")
            if mask is None:
                raise DataError(f"{path}: has no mask; {describe(next(iter(masks.values())).parent)}")
            part = "val" if split == "train" and i % HELD_BACK == HELD_BACK - 1 else split
            full = f"{name}/{key}" if name else key
            records.append(Record(full, part, full, partial(_load, path, mask, full, task), (path, mask)))
    return records


def _packaged(root: Path) -> list[tuple[str, Path, str]]:
    """List the sets of PraNet's packaging: name, folder, split."""
    found = [("TrainDataset", root / "TrainDataset", "train")] if (root / "TrainDataset").is_dir() else []
    tests = root / "TestDataset"
    return found + [(path.name, path, "test") for path in folders(tests)]


def _archive(root: Path, pictures: str, masks: str) -> tuple[dict[str, Path], dict[str, Path]] | None:
    if not (root / pictures).is_dir() or not (root / masks).is_dir():
        return None
    return by_name(root / pictures), by_name(root / masks)


def _load(path: Path, mask_path: Path, name: str, task: str) -> Sample:
    image = read_image(path)
    mask = read_mask(mask_path, image, bright)
    if task == "segmentation":
        return Sample(image, {"mask": mask}, group=name)
    instances = parts_of(mask)
    boxes, _ = boxes_of_labels(instances)
    rows = np.hstack([np.zeros((len(boxes), 1)), boxes])
    return Sample(image, {"boxes": rows, "instances": instances}, group=name)
