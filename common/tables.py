"""Rows as CSV files, and numbers as JSON can hold them."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ConfigError, InputError

if TYPE_CHECKING:  # `zoo list` reads tables, and need not wait for NumPy
    from pandas import DataFrame

    from zoo.common.types import Row


@dataclass(frozen=True)
class Table:
    """Rows under columns that are there even where there is no row."""

    columns: tuple[str, ...]
    rows: list[Row]


def write_table(path: str | Path, table: Table) -> None:
    """Write a table, its columns first."""
    write_csv(path, table.rows, table.columns)


def write_csv(path: str | Path, rows: Iterable[Mapping[str, object]], first: Iterable[str] = ()) -> None:
    """Write rows under the union of their columns, in order of first appearance; missing values stay empty.

    first: columns that are there in any case, before the others.
    """
    rows = list(rows)
    columns = list(dict.fromkeys([*first, *(column for row in rows for column in row)]))
    with Path(path).open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: str | Path, text: Collection[str], prefix: str = "\0") -> list[dict[str, float | str]]:
    """Read rows that write_csv() wrote: numbers, without the empty ones, but for the columns `text`.

    prefix: columns that begin so hold text, too.
    Raises InputError when the file cannot be read, or when another cell is no number.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.DictReader(file, restkey=""))
        texts = {k for line in lines for k in line if k in text or k.startswith(prefix)}
        return [{k: v if k in texts else float(v) for k, v in line.items() if v != "" or k in texts} for line in lines]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: cannot be read as a table of numbers ({error}); was it written by the zoo?"
        ) from error


def data_frame(rows: Iterable[Mapping[str, object]]) -> DataFrame:
    """Return rows as a table of pandas; ConfigError where it is not installed."""
    try:
        import pandas
    except ImportError:
        raise ConfigError("pandas is not installed; pip install pandas, or use rows() or save()") from None
    return pandas.DataFrame(list(rows))


def finite_or_none(value: float) -> float | None:
    """Return a plain float; NaN and infinity, which JSON has no word for, become None."""
    number = float(value)
    return number if math.isfinite(number) else None


def plain(value: Any) -> Any:
    """Return dicts, lists and numbers as JSON can hold them: NaN and infinity become None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
