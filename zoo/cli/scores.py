"""The scores of an evaluation as tables of the shell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from zoo.cli.output import table_of
from zoo.report import HEADLINES

if TYPE_CHECKING:
    from zoo.common.types import Row
    from zoo.evaluation import Evaluation


def scores_table(result: Evaluation, title: str) -> Table:
    """Return a line per metric, with what it rests on."""
    heads = ("metric", "value", "95 % interval", "trivial baseline", "cases used", "undefined", "missed")
    table = table_of(*heads, title=title)
    for row in result.table():
        counts = (f"{row[name]:.0f}" if name in row else "-" for name in ("used", "undefined", "missed"))
        table.add_row(
            str(row["metric"]), number_of(row["value"]), interval_of(row), number_of(row.get("baseline")), *counts
        )
    return table


def more_tables(result: Evaluation) -> list[Table]:
    """Return what there is beside: scores per class, the operating point, subgroups and their largest differences."""
    tables = []
    if len({row["class"] for row in result.classes}) > 2:
        rows = [row for row in result.classes if row["metric"] in HEADLINES]
        tables.append(_long(rows, ("class", "metric"), "each class against the rest"))
    if result.points:
        rows = [row for row in result.points if row["metric"] in HEADLINES]
        title = f"operating point: {rows[0]['rule']}"
        tables.append(_long(rows, ("class", "threshold", "option", "split", "metric"), title))
    for by, part in result.subgroups.items():
        tables.append(_long(part.rows, ("subgroup", "cases", "groups", "metric"), f"by {by}"))
        differences = [{**row, "value": row["difference"]} for row in part.differences]
        tables.append(_long(differences, ("metric", "largest", "smallest"), f"largest differences by {by}"))
    return tables


def number_of(value: float | str | None) -> str:
    """Return a number as tables show it, - for none."""
    return "-" if value is None else f"{value:.4f}"


def interval_of(row: Row) -> str:
    """Return the interval of a row, - where it is unknown."""
    low, high = row["low"], row["high"]
    return f"{low:.4f} to {high:.4f}" if low == low else "-"


def _long(rows: Sequence[Row], keys: Sequence[str], title: str) -> Table:
    table = table_of(*keys, "value", "95 % interval", title=title)
    for row in rows:
        heads = (f"{value:.4g}" if isinstance(value := row[key], float) else str(value) for key in keys)
        table.add_row(*heads, number_of(row["value"]), interval_of(row))
    return table
