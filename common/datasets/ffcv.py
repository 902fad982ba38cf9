"""FFCV: fetal four-chamber views with the ellipses of thorax and heart (EllipseNet, MICCAI 2021; not public).

images/*.png and annotations/ellipse_annotations_{train,val}.json: COCO with `ellipse` in every annotation, centre,
semi-axes [px], radians; categories 1 Lung, the thorax, and 2 Heart.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import Record, describe
from zoo.common.datasets.coco import read_coco
from zoo.common.ellipses import geometry as ellipses
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Sample

CLASSES = ("thorax", "heart")
SPLITS = ("train", "val")


def recognises(root: Path) -> bool:
    """Say whether there are annotations of ellipses."""
    return any(_listing(root, split).is_file() for split in SPLITS)


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the two ellipses."""
    return CLASSES


def read(root: Path, task: str) -> list[Record]:
    """List the views of the split that the files name."""
    if task != "ellipse-detection":
        raise DataError(f"{root}: FFCV is read for ellipse-detection, not for {task}")
    records = []
    for split in SPLITS:
        if not _listing(root, split).is_file():
            raise DataError(f"{_listing(root, split)}: this list is missing; {describe(root)}")
        for name, rows in read_coco(_listing(root, split)).ellipses.items():
            path = root / "images" / name.rsplit("/", 1)[-1]
            if not path.is_file():
                raise DataError(f"{path}: this picture is missing; {describe(root)}")
            records.append(Record(path.stem, split, path.stem, partial(_load, path, rows), (path,)))
    return records


def _listing(root: Path, split: str) -> Path:
    return root / "annotations" / f"ellipse_annotations_{split}.json"


def _load(path: Path, rows: np.ndarray) -> Sample:
    return Sample(read_image(path), {"ellipses": ellipses.canonical(rows)}, group=path.stem)
