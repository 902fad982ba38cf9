"""Boxes of the pictures in images/: boxes.json as COCO has it, or boxes.csv with a line per box.

boxes.csv: id or image, optional class, and one of
  x1, y1, x2, y2; x0, y0, x1, y1; xmin, ymin, xmax, ymax   corners, in volumes with z1, z2 (z0, z1; zmin, zmax) as well
  x, y, width, height; x, y, w, h                          the upper left corner and the size
All in pixels, pixel i spans i to i + 1. An image without a box has a line with empty cells, or none.
ignore.csv: id or image, x1, y1, x2, y2: regions in which a detector's boxes are neither right nor wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zoo.common.boxes import from_corner_size
from zoo.common.datasets.classes import class_number, named, renumber
from zoo.common.datasets.coco import Coco, read_coco
from zoo.common.datasets.folders import Names, find_name, unknown_names
from zoo.common.datasets.tables import Line, Table, find_table, read_table
from zoo.common.datasets.usage import index_lines
from zoo.common.errors import DataError

CORNERS = (("x1", "y1", "x2", "y2"), ("x0", "y0", "x1", "y1"), ("xmin", "ymin", "xmax", "ymax"))
DEPTHS = (("z1", "z2"), ("z0", "z1"), ("zmin", "zmax"))
SIZES = (("x", "y", "width", "height"), ("x", "y", "w", "h"))


@dataclass(frozen=True, eq=False)
class Marks:
    """Rows (k, 4 to 7) of one picture, and where each of them stands."""

    rows: np.ndarray
    wheres: tuple[str, ...]
    size: tuple[float, float] | None = None  # (width, height) of the picture that was annotated, where it is told


@dataclass(frozen=True, eq=False)
class Boxes:
    """What one file says: the names of its classes, () where they are numbers, and class and corners by image."""

    path: Path
    classes: tuple[str, ...]
    marks: dict[str, Marks]
    crowds: dict[str, Marks] = field(default_factory=dict)  # regions with several objects


def read_boxes(root: Path, images: Names, classes: tuple[str, ...], coco: Path | None) -> Boxes | None:
    """Read boxes.json, boxes.csv or the COCO file of a folder, counted as in `classes`; None where there is none."""
    table, json = find_table(root, "boxes"), root / "boxes.json"
    if table is not None and json.is_file():
        raise DataError(f"{root}: {json.name} and {table.name} both hold boxes; expected one of them. Remove the other")
    if table is not None:
        return _from_table(read_table(table).renamed("id", "image", "cls"), images, root, classes)
    path = json if json.is_file() else coco
    return None if path is None else _from_coco(read_coco(path), path, images, classes)


def read_regions(root: Path, images: Names) -> dict[str, Marks] | None:
    """Read ignore.csv: corners (m, 4) by image; None where there is no such file."""
    if (path := find_table(root, "ignore")) is None:
        return None
    table = read_table(path).renamed("id", "image")
    lines = index_lines(table, images, root / "images", several=True)
    rows = {name: [[line.number(side) for side in CORNERS[0]] for line in same] for name, same in lines.items()}
    return {name: _marks(same, np.array(rows[name])) for name, same in lines.items()}


def _from_coco(coco: Coco, path: Path, images: Names, classes: tuple[str, ...]) -> Boxes:
    table = renumber(coco.classes, classes, f"{path} beside classes.txt") if classes else None
    if len(classes) == len(coco.classes) + 1:  # classes.txt counts the background of masks, too
        table = None
    found: dict[str, Marks] = {}
    crowds: dict[str, Marks] = {}
    unknown = []
    for file, rows in coco.boxes.items():
        name = find_name(file, images, str(path))
        if name is None:
            unknown.append(file)
        elif name in found:
            raise DataError(f"{path}: two entries mean {name}; expected one `file_name` per image")
        else:
            rows = rows if table is None else np.hstack([table[rows[:, :1].astype(int)], rows[:, 1:]])
            found[name] = _of_file(path, file, "box", rows, coco.sizes[file])
            crowds[name] = _of_file(path, file, "crowd", coco.crowds[file], coco.sizes[file])
    if unknown:
        raise unknown_names(unknown, images, str(path), path.parent)
    return Boxes(path, coco.classes, found, crowds)


def _of_file(path: Path, file: str, what: str, rows: np.ndarray, size: tuple[float, float] | None) -> Marks:
    return Marks(rows, tuple(f"{path}, {what} {i + 1} of {file}" for i in range(len(rows))), size)


def _from_table(table: Table, images: Names, root: Path, classes: tuple[str, ...]) -> Boxes:
    columns, has_size = _columns(table)
    found = named(line.values.get("cls", "") for line in table.lines)
    names, marks = classes or found, {}
    for name, same in index_lines(table, images, root / "images", several=True).items():
        filled = [line for line in same if any(line.values.get(column) for column in columns)]
        places = np.array([[line.number(c) for c in columns] for line in filled], np.float64).reshape(-1, len(columns))
        corners = from_corner_size(places) if has_size else places
        kinds = [class_number(line.values.get("cls") or "0", names, line.where) for line in filled]
        marks[name] = _marks(filled, np.column_stack([np.array(kinds, np.float64), corners]))
    return Boxes(table.path, found, marks)


def _columns(table: Table) -> tuple[tuple[str, ...], bool]:
    """Return the columns of the place in the order of a row, and whether they give a size."""
    there = set(table.columns)
    for corners, depth in zip(CORNERS, DEPTHS, strict=True):
        if set(corners) <= there:
            return (*corners, *depth) if set(depth) <= there else corners, False
    for size in SIZES:
        if set(size) <= there:
            return size, True
    expected = "; ".join(", ".join(names) for names in (*CORNERS, *SIZES))
    raise DataError(
        f"{table.path}: columns {', '.join(table.written.values())}; expected one of: {expected}. Rename the columns"
    )


def _marks(lines: list[Line], rows: np.ndarray) -> Marks:
    return Marks(rows, tuple(line.where for line in lines))
