"""Rows as CSV files, and numbers as JSON can hold them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path


def write_csv(path: str | Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows under the union of their columns, in order of first appearance; missing values stay empty."""
    rows = list(rows)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def finite_or_none(value: float) -> float | None:
    """Return a plain float; NaN and infinity, which JSON has no word for, become None."""
    number = float(value)
    return number if math.isfinite(number) else None
