"""Lines of CSV, TSV and JSONL tables as text, each knowing where it stands, whatever program wrote them."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from zoo.common.datasets import describe
from zoo.common.datasets.columns import MEANINGS, find_column, tidy
from zoo.common.datasets.folders import entries
from zoo.common.datasets.texts import folded, read_text
from zoo.common.errors import DataError

NAMES = ("manifest.csv", "manifest.tsv", "manifest.jsonl", "labels.csv")
SUFFIXES = (".csv", ".tsv", ".jsonl")
DELIMITERS = ",;\t"
DECIMAL_COMMA = re.compile(r"([+-]?\d+),(\d+(?:[eE][+-]?\d+)?)")
LEFT_OUT = ("", "nan")  # what programs write for an empty cell; "none" may be a class


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


@dataclass(frozen=True)
class Table:
    """A table with a header; columns go by their tidied names, see columns.py."""

    path: Path
    written: dict[str, str]  # tidied name: name in the file
    lines: list[Line]

    @cached_property
    def columns(self) -> list[str]:
        """The tidied names, in order."""
        return list(self.written)

    def renamed(self, *meanings: str) -> Table:
        """Return the table with the columns of these meanings under the meanings' own names."""
        names: dict[str, str] = {}
        for meaning in meanings:
            found = find_column(meaning, [column for column in self.columns if column not in names])
            if found is not None and meaning not in (set(self.columns) - {found}):
                names[found] = meaning
        lines = [replace(line, values={names.get(k, k): v for k, v in line.values.items()}) for line in self.lines]
        return Table(self.path, {names.get(k, k): v for k, v in self.written.items()}, lines)


def find_manifest(root: Path) -> Path | None:
    """Return the manifest that a path names or a folder holds; an error where a folder holds several."""
    if root.is_file():
        return root if root.suffix.lower() in SUFFIXES else None
    found = [root / name for name in NAMES if (root / name).is_file()]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DataError(f"{root}: holds {names}; expected one manifest. Give the path of the one to use")
    return found[0] if found else None


def find_split_table(root: Path) -> Path | None:
    """Return split.csv, or what is called nearly so (Split.csv, splits.tsv); an error where there are several."""
    return find_table(root, *MEANINGS["split"], expected="one table of the split")


def find_table(root: Path, *stems: str, expected: str = "one of them") -> Path | None:
    """Return the table of a name, whatever its case and suffix; None without one, an error where there are several."""
    found = [path for path in tables_in(root) if folded(path.stem) in stems]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DataError(f"{root}: holds {names}; expected {expected}. Remove the others")
    return found[0] if found else None


def tables_in(root: Path) -> list[Path]:
    """List the tables that lie in a folder, without clutter."""
    return [path for path in entries(root) if path.suffix.lower() in SUFFIXES and path.is_file()]


def read_table(path: Path) -> Table:
    """Read all lines of a CSV or TSV with a header, or of a JSONL file with one object per line."""
    text = read_text(path)
    table = _from_jsonl(path, text) if path.suffix.lower() == ".jsonl" else _from_csv(path, text)
    if not table.lines:
        raise DataError(f"{path}: holds no line of data; {describe(path)}")
    return table


def columns(path: Path) -> set[str]:
    """Name the columns of a table, tidied; none where there is no such file, or no text in it."""
    if not path.is_file():
        return set()
    try:
        return {tidy(name) for name in next(_csv_rows(path, read_text(path)), (0, [""]))[1]}
    except DataError:  # not a text: whoever reads it says so
        return set()


def rows(path: Path) -> list[dict[str, str]]:
    """Read a table that a data set brings, by tidied names; none where there is no such file."""
    return [line.values for line in _from_csv(path, read_text(path)).lines] if path.is_file() else []


def whole(text: str) -> int | None:
    """Return a whole number from 0, also where a program wrote it as 1.0; None for any other text."""
    found = re.fullmatch(r"(\d+)(\.0*)?", text)
    return int(found[1]) if found else None


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Go through the lines that hold something: number and cells. Lines that begin with # are comments."""
    lines = list(io.StringIO(text, newline=""))
    told = re.fullmatch(r"sep=(.)\s*", lines[0]) if lines else None  # what Excel writes for itself
    if told:
        lines[0] = "\n"
    kept = ["\n" if line.lstrip().startswith("#") else line for line in lines]
    delimiter = told[1] if told else _delimiter(path, kept)
    reader = csv.reader(kept, delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                stripped = [cell.strip() for cell in cells]
                yield reader.line_num, stripped if delimiter == "," else [_with_point(cell) for cell in stripped]
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num}: {error}; expected cells in pairs of quotes or none"
        ) from error


def _delimiter(path: Path, lines: list[str]) -> str:
    """Return what the header is divided by: the most frequent of the usual characters outside quotes."""
    header = re.sub(r'"[^"]*"', "", next((line for line in lines if line.strip()), ""))
    return max("\t" + DELIMITERS if path.suffix.lower() == ".tsv" else DELIMITERS, key=header.count)


def _with_point(cell: str) -> str:
    """Write 3,5 as 3.5: where cells are divided by something else, a comma is the decimal one."""
    return DECIMAL_COMMA.sub(r"\1.\2", cell) if DECIMAL_COMMA.fullmatch(cell) else cell


def _from_csv(path: Path, text: str) -> Table:
    numbered = _csv_rows(path, text)
    header = next(numbered, (0, []))[1]
    written = {tidy(name): name for name in header if name}
    twice = [name for name in header if (name and written[tidy(name)] != name) or (header.count(name) > 1 and name)]
    if twice:
        raise DataError(
            f"{path}: column {twice[0]!r} is there twice, case and blanks do not count; expected each once. Rename one"
        )
    lines = []
    for number, cells in numbered:
        where = f"{path}, line {number}"
        while len(cells) > len(header) and not cells[-1]:
            cells = cells[:-1]
        if len(cells) != len(header):
            raise DataError(f"{where}: {len(cells)} cells; expected {len(header)}, one per column")
        for place, (name, cell) in enumerate(zip(header, cells, strict=True)):
            if cell and not name and place:  # a first column without a name is an index that a program wrote
                raise DataError(f"{where}: {cell!r} stands in a column without a name; name it in the header")
        values = {tidy(name): cell for name, cell in zip(header, cells, strict=True) if name}
        lines.append(Line(where, _without_gaps(values)))
    return Table(path, written, lines)


def _from_jsonl(path: Path, text: str) -> Table:
    written: dict[str, str] = {}
    lines = []
    for number, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        where = f"{path}, line {number}"
        try:
            values = json.loads(row)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: not JSON ({error}); expected one object per line") from error
        if not isinstance(values, dict):
            raise DataError(f'{where}: {type(values).__name__}; expected an object such as {{"image": "a.png"}}')
        if len({tidy(name) for name in values}) < len(values):
            raise DataError(f"{where}: {', '.join(values)}; expected each name once, case and blanks do not count")
        written |= {tidy(name): name for name in values}
        texts = {tidy(name): "" if value is None else str(value).strip() for name, value in values.items()}
        lines.append(Line(where, _without_gaps(texts)))
    return Table(path, written, lines)


def _without_gaps(values: dict[str, str]) -> dict[str, str]:
    return {name: "" if value.casefold() in LEFT_OUT else value for name, value in values.items()}
