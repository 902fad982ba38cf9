"""Anyone's own data: folders named after the classes, or a CSV or JSONL file with one line per picture.

Folders: <root>/<class>/*.png or <root>/<split>/<class>/*.png. The classes are numbered in alphabetical order; a file
classes.txt, one name per line, sets another order.

Manifest: the path of a .csv or .jsonl file, or a folder with manifest.csv, manifest.jsonl or labels.csv. Columns, with
paths relative to the manifest; the last three kinds may have several lines per picture, or one with empty cells:

image                      always; further split (train, val, test), group (patient), pixel_mm
label                      classification: name or number; optional class of ellipses, points and boxes
mask                       segmentation: path of an image of class numbers; names stand in classes.txt
label, mask                localisation, classification-segmentation; the mask of class 0 may be left empty
instances                  instance-segmentation: path of an image that numbers the objects from 1
cx, cy, a, b, theta        ellipse-detection: centre and semi-axes [px], radians from +x towards +y
x, y[, z]                  point-detection [px]
x1, y1, x2, y2[, z1, z2]   detection [px], pixel i spans i to i + 1
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import SPLITS, Record, describe
from zoo.common.datasets.masks import read_mask
from zoo.common.datasets.tables import Line, find_manifest, read_lines
from zoo.common.errors import DataError
from zoo.common.io import SUFFIXES, read_image
from zoo.common.types import Sample

ROWS = {  # task: label, its columns, and those of volumes
    "ellipse-detection": ("ellipses", ("cx", "cy", "a", "b", "theta"), ()),
    "point-detection": ("points", ("x", "y"), ("z",)),
    "detection": ("boxes", ("x1", "y1", "x2", "y2"), ("z1", "z2")),
}
MASKS = {"segmentation": "mask", "instance-segmentation": "instances"}
BOTH = ("localisation", "classification-segmentation")  # a label and a mask
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
    if task in MASKS:
        return ()
    names = {line.values["label"] for line in read_lines(manifest) if line.values.get("label")}
    return () if all(name.isdigit() for name in names) else tuple(sorted(names))


def read(root: Path, task: str) -> list[Record]:
    """List the pictures; a picture without a group is its own."""
    manifest = find_manifest(root)
    if manifest is None:
        return _read_folders(root, task)
    lines = read_lines(manifest)
    names = classes(root, task)
    if task in ROWS:
        return _row_records(manifest, lines, names, task)
    if task in MASKS:
        return [_mask_record(manifest, line, names, MASKS[task]) for line in lines]
    if task in BOTH:
        return [_place_record(manifest, line, names) for line in lines]
    return [_class_record(manifest, line, names) for line in lines]


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
        raise DataError(
            f"{root}: folders named after classes serve classification; {task} needs a manifest.csv "
            "with a column of its own, or images/ and masks/ with equal names"
        )
    names = classes(root, task)
    records = []
    for split, folder in _class_folders(root):
        label = np.array(_index(folder.name, names, str(folder)), np.int64)
        for path in _pictures(folder):
            group = str(path.relative_to(root))
            records.append(Record(group, split, group, partial(_load, path, {"label": label}, group, None, {}, None)))
    if not records:
        raise DataError(f"{root}: looked for folders of pictures ({', '.join(SUFFIXES)}); {describe(root)}")
    return records


def _class_record(manifest: Path, line: Line, names: tuple[str, ...]) -> Record:
    label = np.array(_index(line.text("label"), names, line.where), np.int64)
    return _record(manifest, line, {"label": label})


def _place_record(manifest: Path, line: Line, names: tuple[str, ...]) -> Record:
    number = _index(line.text("label"), names, line.where)
    labels = {"label": np.array(number, np.int64)}
    if line.values.get("mask"):
        return _record(manifest, line, labels, {"mask": _existing(manifest, line, "mask")})
    # a finding without an outline can still be trained on, and scored as far as its label goes
    return _record(manifest, line, labels, {"mask": None} if number == 0 else {})


def _mask_record(manifest: Path, line: Line, names: tuple[str, ...], key: str) -> Record:
    limit = len(names) if key == "mask" and names else None
    return _record(manifest, line, {}, {key: _existing(manifest, line, key)}, limit)


def _row_records(manifest: Path, lines: list[Line], names: tuple[str, ...], task: str) -> list[Record]:
    key, columns, deep = ROWS[task]
    if all(line.values.get(column) for line in lines for column in deep if line.values.get(columns[0])):
        columns += deep
    pictures: dict[str, list[Line]] = {}
    for line in lines:
        pictures.setdefault(line.text("image"), []).append(line)
    records = []
    for same in pictures.values():
        rows = [_row(line, names, key, columns) for line in same if any(line.values.get(c) for c in columns)]
        labels = {key: np.array(rows, np.float64).reshape(-1, 1 + len(columns))}
        records.append(_record(manifest, same[0], labels))
    return records


def _row(line: Line, names: tuple[str, ...], key: str, columns: tuple[str, ...]) -> list[float]:
    kind = _index(line.values["label"], names, line.where) if line.values.get("label") else 0
    row = [line.number(column) for column in columns]
    if key == "ellipses" and not row[2] >= row[3] > 0:
        raise DataError(f"{line.where}: semi-axes a={row[2]:g}, b={row[3]:g}; expected a >= b > 0")
    if key == "boxes" and not (row[2] > row[0] and row[3] > row[1] and (len(row) == 4 or row[5] > row[4])):
        raise DataError(f"{line.where}: box {row}; expected x2 > x1 and y2 > y1, corners and not sizes")
    return [kind, *row]


def _record(
    manifest: Path,
    line: Line,
    labels: dict[str, np.ndarray],
    masks: dict[str, Path | None] | None = None,
    limit: int | None = None,
) -> Record:
    path = _existing(manifest, line, "image")
    name = line.text("image")
    group = line.values.get("group") or name
    pixel_mm = line.number("pixel_mm") if line.values.get("pixel_mm") else None
    load = partial(_load, path, labels, group, pixel_mm, masks or {}, limit)
    return Record(name, line.values.get("split", ""), group, load)


def _existing(manifest: Path, line: Line, column: str) -> Path:
    path = manifest.parent / line.text(column)
    if not path.exists():
        raise DataError(f"{line.where}: there is no file {path}; paths are relative to the manifest")
    return path


def _index(label: str, names: tuple[str, ...], where: str) -> int:
    if label in names:
        return names.index(label)
    if not names and label.isdigit():
        return int(label)
    if label.isdigit() and int(label) < len(names):  # numbers that point into classes.txt
        return int(label)
    raise DataError(f"{where}: label {label!r}; expected {', '.join(names) or 'a number from 0'}")


def _load(
    path: Path,
    labels: dict[str, np.ndarray],
    group: str,
    pixel_mm: float | None,
    masks: dict[str, Path | None],
    limit: int | None,
) -> Sample:
    image = read_image(path, None if pixel_mm is None else (pixel_mm, pixel_mm))
    found = dict(labels)
    for key, mask in masks.items():
        found[key] = np.zeros(image.size, np.int16) if mask is None else read_mask(mask, image)
        if limit is not None and found[key].max(initial=0) >= limit:
            raise DataError(f"{mask}: class {found[key].max()}; {CLASS_LIST} names {limit}, the background first")
    return Sample(image, found, group)
