"""How the columns of somebody's table are used, and what is said about the others."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, overload

from zoo.common.datasets import SPLITS
from zoo.common.datasets.columns import PERHAPS_SPLIT, find_column, misspelt, split_name
from zoo.common.datasets.folders import Names, find_name, unknown_names
from zoo.common.datasets.tables import Line, Table
from zoo.common.datasets.texts import folded
from zoo.common.errors import DataError, ZooWarning


@overload
def index_lines(table: Table, images: Names, place: Path, several: Literal[False] = False) -> dict[str, Line]: ...
@overload
def index_lines(table: Table, images: Names, place: Path, several: Literal[True]) -> dict[str, list[Line]]: ...
def index_lines(
    table: Table, images: Names, place: Path, several: bool = False
) -> dict[str, Line] | dict[str, list[Line]]:
    """Find the image of each line by its columns `image` or `id`; with `several`, images may have several lines.

    Raises DataError for lines that name no image, and for those that repeat another.
    """
    keys = [key for key in ("image", "id") if key in table.columns]
    if not keys:
        raise DataError(f"{table.path}: columns {', '.join(table.written.values())}; expected `id` or `image`")
    found: dict[str, list[Line]] = {}
    unknown: list[str] = []
    for line in table.lines:
        texts = [line.values[key] for key in keys if line.values.get(key)]
        if not texts:
            raise DataError(f"{line.where}: {keys[0]} is empty; expected the name of an image")
        names = [name for text in texts if (name := find_name(text, images, line.where)) is not None]
        if not names:
            unknown.append(texts[0])
            continue
        for other in found.setdefault(names[0], []):
            if not several or other.values == line.values:
                raise DataError(f"{line.where}: repeats {other.where} ({names[0]}); expected one line. Delete one")
        found[names[0]].append(line)
    if unknown:
        raise unknown_names(unknown, images, str(table.path), place)
    return found if several else {name: lines[0] for name, lines in found.items()}


def find_splits(table: Table) -> str | None:
    """Return the column that says the split: one called so, or such as `set` if all its values are names of splits.

    A column that is empty in every line counts as none.
    """
    column = find_column("split", table.columns)
    if column is None:
        perhaps = [name for name in table.columns if folded(name) in PERHAPS_SPLIT]
        column = next((name for name in perhaps if set(_splits(table, name)) <= set(SPLITS)), None)
    return column if column is not None and any(_splits(table, column)) else None


def find_groups(table: Table, rows: Mapping[str, Line], used: tuple[str, ...]) -> tuple[dict[str, str], str]:
    """Return the group of each image that has one, and in words what they were grouped by.

    used: columns that mean something else. Columns that neither labels nor the split read are named.
    """
    column = find_column("group", [name for name in table.columns if name not in used])
    others = [table.written[name] for name in table.columns if name not in (*used, column, find_splits(table))]
    for name, meant in misspelt(others, ("group", "split", "label")).items():
        message = f"{table.path}: column {name!r} is not read; if it is {meant!r} that is meant, rename it"
        warnings.warn(message, ZooWarning, stacklevel=2)
    if find_splits(table) is None:
        for name in [name for name in table.columns if folded(name) in PERHAPS_SPLIT]:
            message = f"{table.path}: column {table.written[name]!r} holds no names of splits, so it is not used"
            warnings.warn(message, ZooWarning, stacklevel=2)
    groups = {name: line.values[column] for name, line in rows.items() if column and line.values.get(column)}
    told = f"{', '.join(others[:8])}{', ...' * (len(others) > 8)}"
    unused = f" (no part in the split, but for subgroups: {told})" if others else ""
    if not groups:
        return {}, f"each image for itself{unused}"
    alone = f", {len(rows) - len(groups)} without one for themselves" if len(groups) < len(rows) else ""
    return groups, f"grouped by column {table.written[column or '']}{alone}{unused}"


def _splits(table: Table, column: str) -> list[str]:
    return [split_name(line.values.get(column, "")) for line in table.lines]
