"""Anyone's own data: folders named after the classes, or a CSV or JSONL file with one line per picture.

Folders: <root>/<class>/*.png or <root>/<split>/<class>/*.png. The classes are numbered in alphabetical order; a file
classes.txt, one name per line, sets another order.

Manifest: the path of a .csv or .jsonl file, or a folder with manifest.csv, manifest.jsonl or labels.csv. Columns:
image (path, relative to the manifest); label (name or number) for classification; cx, cy, a, b, theta (ellipse: px,
radians from +x towards +y, semi-axes) and optionally label for ellipse detection, where a picture may have several
lines; optional: split (train, val, test), group (patient), pixel_mm. Other columns (mask, ...) are left alone.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import SPLITS, Record, describe
from zoo.common.datasets.tables import Line, find_manifest, read_lines
from zoo.common.errors import DataError
from zoo.common.io import SUFFIXES, read_image
from zoo.common.types import Sample

ELLIPSE = ("cx", "cy", "a", "b", "theta")
CLASS_LIST = "classes.txt"


def recognises(root: Path) -> bool:
    """Say whether there is a manifest, or folders of pictures."""
    return find_manifest(root) is not None or bool(_class_folders(root))


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the classes, in the order of classes.txt or of the alphabet; () when the labels are numbers."""
    listing = (root if root.is_dir() else root.parent) / CLASS_LIST
    if listing.is_file():
        return tuple(name.strip() for name in listing.read_text(encoding="utf-8").splitlines() if name.strip())
    manifest = find_manifest(root)
    if manifest is None:
        return tuple(sorted({folder.name for _, folder in _class_folders(root)}))
    names = {line.values["label"] for line in read_lines(manifest) if line.values.get("label")}
    return () if all(name.isdigit() for name in names) else tuple(sorted(names))


def read(root: Path, task: str) -> list[Record]:
    """List the pictures; a picture without a group is its own."""
    manifest = find_manifest(root)
    if manifest is None:
        return _read_folders(root, task)
    lines = read_lines(manifest)
    names = classes(root, task)
    if task == "ellipse-detection":
        return _ellipse_records(manifest, lines, names)
    if task == "classification":
        return [_class_record(manifest, line, names) for line in lines]
    raise DataError(f"{manifest}: manifests are read for classification or ellipse-detection, not for {task}")


def _class_folders(root: Path) -> list[tuple[str, Path]]:
    """List the folders of pictures with their split, "" without one."""
    if not root.is_dir():
        return []
    splits = [root / split for split in SPLITS if (root / split).is_dir()]
    pairs = [(split.name, folder) for split in splits for folder in sorted(split.iterdir())]
    pairs = pairs or [("", folder) for folder in sorted(root.iterdir())]
    return [(split, folder) for split, folder in pairs if folder.is_dir() and _pictures(folder)]


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.lower().endswith(tuple(SUFFIXES)))


def _read_folders(root: Path, task: str) -> list[Record]:
    if task != "classification":
        raise DataError(f"{root}: folders named after classes serve classification; {task} needs a manifest.csv")
    names = classes(root, task)
    records = []
    for split, folder in _class_folders(root):
        label = np.array(_index(folder.name, names, str(folder)), np.int64)
        for path in _pictures(folder):
            group = str(path.relative_to(root))
            records.append(Record(group, split, group, partial(_load, path, {"label": label}, group, None)))
    if not records:
        raise DataError(f"{root}: looked for folders of pictures ({', '.join(SUFFIXES)}); {describe(root)}")
    return records


def _class_record(manifest: Path, line: Line, names: tuple[str, ...]) -> Record:
    label = np.array(_index(line.text("label"), names, line.where), np.int64)
    return _record(manifest, line, {"label": label})


def _ellipse_records(manifest: Path, lines: list[Line], names: tuple[str, ...]) -> list[Record]:
    pictures: dict[str, list[Line]] = {}
    for line in lines:
        pictures.setdefault(line.text("image"), []).append(line)
    records = []
    for same in pictures.values():
        rows = [_ellipse(line, names) for line in same if any(line.values.get(key) for key in ELLIPSE)]
        records.append(_record(manifest, same[0], {"ellipses": np.array(rows, np.float64).reshape(-1, 6)}))
    return records


def _ellipse(line: Line, names: tuple[str, ...]) -> list[float]:
    kind = _index(line.values["label"], names, line.where) if line.values.get("label") else 0
    cx, cy, a, b, theta = (line.number(key) for key in ELLIPSE)
    if not a >= b > 0:
        raise DataError(f"{line.where}: semi-axes a={a:g}, b={b:g}; expected a >= b > 0")
    return [kind, cx, cy, a, b, theta]


def _record(manifest: Path, line: Line, labels: dict[str, np.ndarray]) -> Record:
    name = line.text("image")
    path = manifest.parent / name
    if not path.exists():
        raise DataError(f"{line.where}: there is no file {path}; paths are relative to the manifest")
    group = line.values.get("group") or name
    pixel_mm = line.number("pixel_mm") if line.values.get("pixel_mm") else None
    return Record(name, line.values.get("split", ""), group, partial(_load, path, labels, group, pixel_mm))


def _index(label: str, names: tuple[str, ...], where: str) -> int:
    if label in names:
        return names.index(label)
    if not names and label.isdigit():
        return int(label)
    if label.isdigit() and int(label) < len(names):  # numbers that point into classes.txt
        return int(label)
    raise DataError(f"{where}: label {label!r}; expected {', '.join(names) or 'a number from 0'}")


def _load(path: Path, labels: dict[str, np.ndarray], group: str, pixel_mm: float | None) -> Sample:
    spacing = None if pixel_mm is None else (pixel_mm, pixel_mm)
    return Sample(read_image(path, spacing), labels, group)
