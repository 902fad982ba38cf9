"""Lines of a CSV or JSONL manifest as text, each knowing where it stands."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path

from zoo.common.datasets import describe
from zoo.common.errors import DataError

NAMES = ("manifest.csv", "manifest.jsonl", "labels.csv")
SUFFIXES = (".csv", ".jsonl")


@dataclass(frozen=True)
class Line:
    """One line: the text of each column, "" where empty."""

    where: str  # file and line number, for errors
    values: dict[str, str]

    def text(self, column: str) -> str:
        """Return a value that has to be there."""
        value = self.values.get(column, "")
        if not value:
            raise DataError(f"{self.where}: column {column!r} is missing or empty; there are {', '.join(self.values)}")
        return value

    def number(self, column: str) -> float:
        """Return a finite number that has to be there."""
        try:
            value = float(self.text(column))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise DataError(f"{self.where}: {column} = {self.values[column]!r}; expected a number")
        return value


def find_manifest(root: Path) -> Path | None:
    """Return the manifest that a path names or a folder holds."""
    if root.is_file():
        return root if root.suffix.lower() in SUFFIXES else None
    return next((root / name for name in NAMES if (root / name).is_file()), None)


def read_lines(path: Path) -> list[Line]:
    """Read all lines of a CSV with a header, or of a JSONL file with one object per line."""
    text = read_text(path)
    lines = _from_jsonl(path, text) if path.suffix.lower() == ".jsonl" else _from_csv(path, text)
    if not lines:
        raise DataError(f"{path}: holds no line of data; {describe(path)}")
    return lines


def columns(path: Path) -> set[str]:
    """Name the columns of a CSV; none where there is no such file, or no text in it."""
    if not path.is_file():
        return set()
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        return set(next(csv.reader(file), []))


def rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """Read a CSV with a header that a data set brings; none where there is no such file."""
    if not path.is_file():
        return []
    table = list(csv.reader(read_text(path).splitlines(), delimiter=delimiter))
    header = table[0] if table else []
    found = []
    for number, cells in enumerate(table[1:], 2):
        if len(cells) not in (0, len(header)):
            raise DataError(f"{path}, line {number}: {len(cells)} cells; expected {len(header)}, one per column")
        if cells:
            found.append(dict(zip(header, cells, strict=True)))
    return found


def read_text(path: Path) -> str:
    """Read a text, UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error


def _from_csv(path: Path, text: str) -> list[Line]:
    rows = list(csv.reader(text.splitlines()))
    header = [name.strip() for name in rows[0]] if rows else []
    if "image" not in header or len(set(header)) < len(header):
        raise DataError(f"{path}: columns {', '.join(header) or 'none'}; expected `image` among them, each once")
    lines = []
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise DataError(f"{path}, line {number}: {len(row)} cells; expected {len(header)}, one per column")
        values = {name: cell.strip() for name, cell in zip(header, row, strict=True)}
        lines.append(Line(f"{path}, line {number}", values))
    return lines


def _from_jsonl(path: Path, text: str) -> list[Line]:
    lines = []
    for number, row in enumerate(text.splitlines(), 1):
        if not row.strip():
            continue
        where = f"{path}, line {number}"
        try:
            values = json.loads(row)
        except json.JSONDecodeError as error:
            raise DataError(f"{where}: not JSON ({error.msg}); expected one object per line") from error
        if not isinstance(values, dict):
            raise DataError(f'{where}: {type(values).__name__}; expected an object such as {{"image": "a.png"}}')
        lines.append(Line(where, {name: "" if value is None else str(value) for name, value in values.items()}))
    return lines
