"""Folders of pictures named after their classes, straight away or once per split."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import SPLITS, Record, describe
from zoo.common.datasets.classes import class_number
from zoo.common.datasets.columns import split_name
from zoo.common.datasets.folders import files_of, folders, pictures, walk
from zoo.common.datasets.texts import check_names, read_class_list
from zoo.common.errors import DataError
from zoo.common.io import SUFFIXES, file_suffix, read_image
from zoo.common.types import Sample

NO_CLASSES = ("images", "masks", "labels", "imagestr", "imagests", "labelstr", "labelsts")


def class_folders(root: Path) -> list[tuple[str, Path]]:
    """List the folders of pictures with their split, "" without one."""
    if not root.is_dir():
        return []
    pairs = [(split, folder) for split, parent in _split_folders(root) for folder in folders(parent)]
    pairs = pairs or [("", folder) for folder in folders(root)]
    return [(split, folder) for split, folder in pairs if pictures(folder)]


def folder_classes(root: Path) -> tuple[str, ...]:
    """Name the classes in the order of classes.txt, or of the alphabet."""
    return read_class_list(root) or tuple(sorted({folder.name for _, folder in class_folders(root)}))


def read_folders(root: Path, task: str) -> list[Record]:
    """List the pictures, each its own group."""
    if task != "classification":
        raise DataError(
            f"{root}: folders named after classes serve classification; {task} needs a manifest.csv "
            "with a column of its own, or images/ and masks/ with equal names"
        )
    found, names = class_folders(root), folder_classes(root)
    if not found:
        raise DataError(f"{root}: looked for folders of pictures ({', '.join(SUFFIXES)}); {describe(root)}")
    _check(root, found, names)
    records = []
    for split, folder in found:
        label = np.array(class_number(folder.name, names, str(folder)), np.int64)
        for path in pictures(folder):
            name, source = str(path.relative_to(root)), "from folders named after splits" if split else ""
            load = partial(_load, path, label, name)
            records.append(Record(name, split, name, load, files_of(path), split_from=source))
    return records


def _split_folders(root: Path) -> list[tuple[str, Path]]:
    """List the folders that are called like a split and hold folders of pictures."""
    found = [(split_name(path.name), path) for path in folders(root) if split_name(path.name) in SPLITS]
    kept = [(split, path) for split, path in found if any(pictures(folder) for folder in folders(path))]
    return sorted(kept, key=lambda pair: SPLITS.index(pair[0]))


def _check(root: Path, found: list[tuple[str, Path]], names: tuple[str, ...]) -> None:
    """Raise DataError where pictures would be left out, or folders are no classes."""
    check_names(names, str(root))
    splits = _split_folders(root)
    seen: dict[str, Path] = {}
    for split, path in splits:
        if (other := seen.setdefault(split, path)) is not path:
            raise DataError(f"{root}: {other.name}/ and {path.name}/ both mean {split}; expected one of them")
    for _, folder in found:
        called = folder.name.casefold()
        if called in NO_CLASSES or (not splits and split_name(folder.name) in SPLITS):
            raise DataError(
                f"{folder}: holds pictures, but {folder.name!r} is no class; expected <class>/*.png or "
                "<split>/<class>/*.png. Put the pictures into folders named after classes, or write a manifest.csv"
            )
    for place in _left_out(root, splits, {folder for _, folder in found}):
        raise DataError(
            f"{place}: holds pictures that are not read; expected <class>/*.png or <split>/<class>/*.png with one "
            f"depth in all of {root}. Move them, or write a manifest.csv with a column group for what stays together"
        )


def _left_out(root: Path, splits: list[tuple[str, Path]], found: set[Path]) -> Iterator[Path]:
    """Find folders with pictures beside the folders that are read, and below them."""
    for place in folders(root):
        for path in walk(place):
            if path.parent not in found and file_suffix(path) in SUFFIXES:
                yield path.parent
                break


def _load(path: Path, label: np.ndarray, name: str) -> Sample:
    return Sample(read_image(path), {"label": label}, group=name)
