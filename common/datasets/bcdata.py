"""BCData: Ki-67 stained tumour cells marked by points, positive or negative (Huang et al., MICCAI 2020).

images/{train,validation,test}/<n>.png, annotations/<split>/{positive,negative}/<n>.h5 with `coordinates` (k, 2): x, y.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import Record, describe
from zoo.common.datasets.folders import matching
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Sample

CLASSES = ("negative", "positive")
SPLITS = {"train": "train", "validation": "val", "test": "test"}


def recognises(root: Path) -> bool:
    """Say whether images/ and annotations/ have the splits of BCData."""
    return all((root / "images" / s).is_dir() and (root / "annotations" / s / "positive").is_dir() for s in SPLITS)


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the two kinds of cells."""
    return CLASSES


def read(root: Path, task: str) -> list[Record]:
    """List the tiles of the official split; patients are not given, so each tile is its own group."""
    if task != "point-detection":
        raise DataError(f"{root}: BCData is read for point-detection, not for {task}")
    records = []
    for folder, split in SPLITS.items():
        for path in sorted(matching(root / "images" / folder, "*.png"), key=lambda p: (len(p.stem), p.stem)):
            files = [root / "annotations" / folder / kind / f"{path.stem}.h5" for kind in CLASSES]
            for file in files:
                if not file.is_file():
                    raise DataError(f"{file}: this annotation is missing; {describe(file.parent)}")
            name = f"{folder}/{path.stem}"
            records.append(Record(name, split, name, partial(_load, path, files, name), (path, *files)))
    return records


def _load(path: Path, files: list[Path], name: str) -> Sample:
    kinds = [_coordinates(file) for file in files]
    rows = [np.column_stack([np.full(len(p), float(kind)), p]) for kind, p in enumerate(kinds)]
    return Sample(read_image(path), {"points": np.concatenate(rows)}, group=name)


def _coordinates(path: Path) -> np.ndarray:
    from zoo.common.store import h5py_module

    try:
        with h5py_module().File(path, "r") as file:
            return np.asarray(file["coordinates"][...], np.float64).reshape(-1, 2)
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path}: expected HDF5 with `coordinates` (k, 2) ({error}); copy it again") from error
