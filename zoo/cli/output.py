"""How the commands speak: tables or JSON on stdout, messages on stderr."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from zoo.common.tables import plain

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
PIPE_WIDTH = 140  # columns where nobody says how wide the terminal is


def console() -> Console:
    """Return a console on stdout that takes brackets for what they are, as in openmedia-zoo[torch]."""
    plain = Console(markup=False)
    return plain if plain.is_terminal else Console(markup=False, width=PIPE_WIDTH)


def error_console() -> Console:
    """Return a console on stderr; long lines are never cut, so that paths can be copied."""
    return Console(stderr=True, soft_wrap=True)


def print_table(table: Table) -> None:
    """Print a table on stdout."""
    console().print(table)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout; NaN becomes null."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def say(message: str) -> None:
    """Print a line on stderr, so that stdout holds data only."""
    error_console().print(message, markup=False, highlight=False)


def failed(message: str) -> None:
    """Print an error on stderr."""
    error_console().print(f"error: {message}", style="bold red", markup=False, highlight=False)
