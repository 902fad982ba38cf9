"""Anyone's own data: folders named after the classes, or a table with one line per picture.

Folders: <root>/<class>/*.png or <root>/<split>/<class>/*.png. The classes are numbered in alphabetical order; a file
classes.txt, one name per line, sets another order.

Manifest: the path of a .csv, .tsv or .jsonl file, or a folder with manifest.csv, .tsv, .jsonl or labels.csv. Columns,
with paths relative to the manifest; the last three kinds may have several lines per picture, or one with empty cells:

image                      always; further split (train, val, test), group (patient), pixel_mm
label                      classification: name or number; optional class of ellipses, points and boxes
mask                       segmentation: path of an image of class numbers; names stand in classes.txt. With an empty
                           cell, or the split `unlabelled`, a picture is for methods that learn from images alone
label, mask                localisation; the mask of class 0 may be left empty
instances                  instance-segmentation: path of an image that numbers the objects from 1
cx, cy, a, b, theta        ellipse-detection: centre and semi-axes [px], radians from +x towards +y
x, y[, z]                  point-detection [px]
x1, y1, x2, y2[, z1, z2]   detection [px], pixel i spans i to i + 1

Other names of these columns are listed in columns.py; cells may be divided by commas, semicolons or tabs.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import Record
from zoo.common.datasets.class_folders import class_folders, folder_classes, read_folders
from zoo.common.datasets.classes import called_normal, check_named, class_number, named
from zoo.common.datasets.columns import find_column, split_name
from zoo.common.datasets.folders import entries, files_of
from zoo.common.datasets.masks import decoder_of, read_mask
from zoo.common.datasets.places import within
from zoo.common.datasets.tables import Line, Table, find_manifest, read_table
from zoo.common.datasets.texts import read_class_list
from zoo.common.datasets.unlabelled import unknown_sample
from zoo.common.datasets.usage import find_groups, find_splits
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Sample

ROWS = {  # task: label, its columns, and those of volumes
    "ellipse-detection": ("ellipses", ("cx", "cy", "a", "b", "theta"), ()),
    "point-detection": ("points", ("x", "y"), ("z",)),
    "detection": ("boxes", ("x1", "y1", "x2", "y2"), ("z1", "z2")),
}
MASKS = {"segmentation": "mask", "instance-segmentation": "instances"}


def recognises(root: Path) -> bool:
    """Say whether there is a manifest, or folders of pictures."""
    return find_manifest(root) is not None or bool(class_folders(root))


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the classes, in the order of classes.txt or of the alphabet; () when the labels are numbers.

    Localisation counts a class of normal pictures as 0, whatever the alphabet says.
    """
    manifest = find_manifest(root)
    if manifest is None:
        return folder_classes(root)
    if listed := read_class_list(root if root.is_dir() else root.parent):
        return listed
    return () if task in MASKS else _names(_open(manifest), task)


def read(root: Path, task: str) -> list[Record]:
    """List the pictures; a picture without a group is its own."""
    manifest = find_manifest(root)
    if manifest is None:
        return read_folders(root, task)
    table = _open(manifest)
    names = read_class_list(manifest.parent) or (() if task in MASKS else _names(table, task))
    if task in ROWS:
        return _described(table, _row_records(table, names, task))
    lines = _one_each(table, task)
    if task in MASKS:
        records = [_mask_record(manifest, line, names, MASKS[task]) for line in lines]
    elif task == "localisation":
        records = [_place_record(manifest, line, names) for line in lines]
    else:
        records = [_class_record(manifest, line, names) for line in lines]
    return _described(table, records)


def _open(manifest: Path) -> Table:
    """Read the table with its columns under the names that are used here, its splits as train, val and test."""
    table = read_table(manifest).renamed("image", "mask", "label", "pixel_mm")
    if "image" not in table.columns:
        raise DataError(
            f"{manifest}: columns {', '.join(table.written.values()) or 'none'}; expected `image` among them"
        )
    column = find_splits(table)
    if column is None:
        return table
    lines = [
        replace(line, values={**line.values, "split": split_name(line.values.get(column, ""))}) for line in table.lines
    ]
    return Table(table.path, {name: text for name, text in table.written.items()}, lines)


def _names(table: Table, task: str) -> tuple[str, ...]:
    names = named(line.values.get("label", "") for line in table.lines)
    if task != "localisation":
        return names
    return tuple(sorted(names, key=lambda name: (not called_normal(name), name)))


def _described(table: Table, records: list[Record]) -> list[Record]:
    """Say where split and group of the records come from, and give each its group."""
    lines = {line.text("image"): line for line in table.lines}
    groups, grouped_by = find_groups(table, lines, _used(table))
    column = find_splits(table)
    source = f"from column {table.written[column]} of {table.path.name}" if column else ""
    return [
        replace(
            record,
            group=groups.get(record.name, record.name),
            split_from=source,
            grouped_by=grouped_by,
            load=partial(_load_grouped, record.load, groups.get(record.name, record.name)),
        )
        for record in records
    ]


def _group_column(table: Table) -> tuple[str, ...]:
    column = find_column("group", [name for name in table.columns if name not in _used(table)])
    return (column,) if column else ()


def _used(table: Table) -> tuple[str, ...]:
    geometry = [column for _, columns, deep in ROWS.values() for column in (*columns, *deep)]
    return ("image", "mask", "instances", "label", "split", "pixel_mm", *geometry)


def _one_each(table: Table, task: str) -> list[Line]:
    """Return one line per image: where columns of objects make several lines, these agree in all others."""
    objects = {name for _, columns, deep in ROWS.values() for name in (*columns, *deep)}
    used = ("mask", "instances") if task in MASKS else ("mask", "label")  # objects have labels, too
    agreed = (*used, "split", "pixel_mm", *_group_column(table))
    pictures: dict[str, list[Line]] = {}
    for line in table.lines:
        pictures.setdefault(line.text("image"), []).append(line)
    for lines in pictures.values():
        if len(lines) > 1 and not objects & set(table.columns):
            raise DataError(
                f"{lines[1].where}: repeats the image of {lines[0].where}; expected one line each. Delete one"
            )
        _check_agreement(lines, agreed)
    return [lines[0] for lines in pictures.values()]


def _class_record(manifest: Path, line: Line, names: tuple[str, ...]) -> Record:
    label = np.array(class_number(line.text("label"), names, line.where), np.int64)
    return _record(manifest, line, {"label": label})


def _place_record(manifest: Path, line: Line, names: tuple[str, ...]) -> Record:
    number = class_number(line.text("label"), names, line.where)
    labels = {"label": np.array(number, np.int64)}
    if line.values.get("mask"):
        return _record(manifest, line, labels, {"mask": _existing(manifest, line, "mask")})
    # a finding without an outline can still be trained on, and scored as far as its label goes
    return _record(manifest, line, labels, {"mask": None} if number == 0 else {})


def _mask_record(manifest: Path, line: Line, names: tuple[str, ...], key: str) -> Record:
    limit = len(names) if key == "mask" and names else None
    if key == "mask" and not line.values.get("mask"):
        alone, lacks = _record(manifest, line, {}), _why_no_mask(line)
        return replace(alone, load=partial(_unknown, alone.load), lacks=lacks)
    return _record(manifest, line, {}, {key: _existing(manifest, line, key)}, limit)


def _why_no_mask(line: Line) -> str:
    try:
        return line.text("mask")
    except DataError as error:
        return str(error)


def _unknown(load: Callable[[], Sample]) -> Sample:
    sample = load()
    return unknown_sample(sample.image, sample.group)


def _row_records(table: Table, names: tuple[str, ...], task: str) -> list[Record]:
    key, columns, deep = ROWS[task]
    if all(line.values.get(column) for line in table.lines for column in deep if line.values.get(columns[0])):
        columns += deep
    _check_columns(table, columns)
    pictures: dict[str, list[Line]] = {}
    for line in table.lines:
        pictures.setdefault(line.text("image"), []).append(line)
    records = []
    for same in pictures.values():
        _check_agreement(same, ("split", "pixel_mm", *_group_column(table)))
        filled = [line for line in same if any(line.values.get(c) for c in columns)]
        rows = [_row(line, names, key, columns) for line in filled]
        record = _record(table.path, same[0], {key: np.array(rows, np.float64).reshape(-1, 1 + len(columns))})
        load = partial(_load_placed, record.load, key, tuple(line.where for line in filled))
        records.append(replace(record, load=load))
    return records


def _check_columns(table: Table, columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise DataError(
            f"{table.path}: column {missing[0]!r} is missing; expected {', '.join(columns)} (empty cells where an "
            f"image has nothing); there are {', '.join(table.written.values())}"
        )


def _check_agreement(lines: list[Line], columns: tuple[str, ...]) -> None:
    """Raise DataError where lines of one picture say different things of it, or one of them twice."""
    for number, line in enumerate(lines):
        for column in columns:
            given = line.values.get(column), lines[0].values.get(column)
            if given[0] != given[1]:
                raise DataError(
                    f"{line.where}: {column} {given[0]!r}, but {given[1]!r} in {lines[0].where}; expected one for the "
                    "image. Write the same in both"
                )
        if twice := next((other for other in lines[:number] if other.values == line.values), None):
            raise DataError(f"{line.where}: repeats {twice.where}; expected each object once. Delete one")


def _row(line: Line, names: tuple[str, ...], key: str, columns: tuple[str, ...]) -> list[float]:
    kind = class_number(line.values["label"], names, line.where) if line.values.get("label") else 0
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
    pixel_mm = line.number("pixel_mm") if line.values.get("pixel_mm") else None
    load = partial(_load, path, labels, name, pixel_mm, masks or {}, limit)
    return Record(name, line.values.get("split", ""), name, load, files_of(path, *(masks or {}).values()))


def _existing(manifest: Path, line: Line, column: str) -> Path:
    path = manifest.parent / line.text(column).replace("\\", "/")
    if not path.exists():
        similar = difflib.get_close_matches(path.name, [p.name for p in entries(path.parent)], 1)
        hint = f"; there is {similar[0]}" if similar else ""
        raise DataError(f"{line.where}: there is no file {path}; paths are relative to the manifest{hint}")
    return path


def _load_grouped(load: Callable[[], Sample], group: str) -> Sample:
    return replace(load(), group=group)


def _load_placed(load: Callable[[], Sample], key: str, wheres: tuple[str, ...]) -> Sample:
    sample = load()
    return replace(sample, labels={**sample.labels, key: within(key, sample.labels[key], sample.image.size, wheres)})


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
        found[key] = np.zeros(image.size, np.int16) if mask is None else read_mask(mask, image, decoder_of(limit))
        if limit is not None and mask is not None:
            check_named(found[key], limit, mask)
    return Sample(image, found, group, {key: mask for key, mask in masks.items() if mask is not None})
