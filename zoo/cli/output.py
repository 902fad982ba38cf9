"""How the commands speak: tables or JSON on stdout, messages on stderr."""

from __future__ import annotations

import json
import sys
import textwrap
import traceback
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from zoo.common.files.names import as_utf8
from zoo.common.tables import plain

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]

PROSE = 36  # columns that a sentence needs to be read
WHOLE: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}  # paths and names can be copied


def console() -> Console:
    """Return a console on stdout that takes brackets for what they are, as in openmedia-zoo[torch]."""
    return Console(markup=False, highlight=False)


def error_console() -> Console:
    """Return a console on stderr; long lines are never cut, so that paths can be copied."""
    return Console(stderr=True, soft_wrap=True)


def table_of(*heads: str, prose: Iterable[str] = (), title: str | None = None) -> Table:
    """Start a table whose cells stay on one line, but for the columns of prose."""
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head, no_wrap=head not in tuple(prose), overflow="fold")
    return table


def print_table(table: Table) -> None:
    """Print a table on stdout: framed in a terminal, with tabs in a pipe, row by row where it is too wide."""
    screen = console()
    if not screen.is_terminal:
        print_tabs(table)
    elif _needed_width(table) <= screen.width:
        screen.print(table)
    else:
        print_records(table, screen)


def print_tabs(table: Table) -> None:
    """Print a line per row, with tabs between the cells; the title, which is no data, goes to stderr."""
    if table.title:
        say(str(table.title))
    if table.show_header:
        echo("\t".join(str(column.header) for column in table.columns))
    for row in _rows(table):
        echo("\t".join("; ".join(cell.split("\n")) for cell in row))


def print_records(table: Table, screen: Console) -> None:
    """Print a small block per row: the first cell, then a line for each other one."""
    if table.title:
        screen.print(str(table.title), style="italic")
    heads = [str(column.header) for column in table.columns]
    for first, *others in _rows(table):
        screen.print(first, style="bold", soft_wrap=True)
        width = max(map(len, heads[1:]), default=0)
        for head, cell in zip(heads[1:], others, strict=True):
            if cell:
                indent = " " * (width + 4)
                text = "; ".join(cell.split("\n"))
                lines = textwrap.wrap(text, screen.width - 1, initial_indent=indent, subsequent_indent=indent, **WHOLE)
                screen.print("\n".join([f"  {head:<{width}}  {lines[0].strip()}", *lines[1:]]), soft_wrap=True)


def _needed_width(table: Table) -> int:
    """Return the columns of a terminal that a table needs to be read: whole names, and some room for prose."""
    cells = [[str(column.header), *map(str, column.cells)] for column in table.columns]
    widths = [max(len(line) for cell in column for line in cell.split("\n")) for column in cells]
    used = [w if c.no_wrap else min(w, PROSE) for w, c in zip(widths, table.columns, strict=True)]
    return sum(used) + 3 * len(used) + 1  # frame and padding


def _rows(table: Table) -> list[tuple[str, ...]]:
    return list(zip(*([str(cell) for cell in column.cells] for column in table.columns), strict=True))


def echo(line: str) -> None:
    """Print a line of data on stdout, whatever characters a name in it has."""
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo(as_utf8(line).encode(encoding, "backslashreplace").decode(encoding))


def print_json(value: Any) -> None:
    """Print one JSON document on stdout; NaN becomes null."""
    echo(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def say(message: str) -> None:
    """Print a line on stderr, so that stdout holds data only."""
    error_console().print(as_utf8(message), markup=False, highlight=False)


def failed(message: str) -> None:
    """Print an error on stderr."""
    error_console().print(f"error: {as_utf8(message)}", style="bold red", markup=False, highlight=False)


def print_traceback(error: BaseException) -> None:
    """Print where an error came from on stderr."""
    say("".join(traceback.format_exception(error)).rstrip())
