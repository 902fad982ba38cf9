"""The commands about weight files and the installation: download, publish, verify, doctor."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
