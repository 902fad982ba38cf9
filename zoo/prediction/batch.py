"""What a folder of results remembers of a batch, so that another run goes on where one ended, however it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.common.answers.prediction import Prediction
from zoo.common.errors import OutputError
from zoo.common.files.output_folder import OutputFolder, read_lines
from zoo.common.tables import Table
from zoo.common.types import Row

LINES, MEMORY = "predictions.jsonl", ".zoo-batch.jsonl"
FILES = ("mask", "overlay", "report", "capture", "structures")  # entries that name a file of the folder


@dataclass(frozen=True)
class Kept:
    """All that is left of a prediction whose image is gone.

    entry: its line in predictions.jsonl. rows: of predictions.csv. line: for people. submissions: by challenge.
    """

    entry: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    line: str = ""
    submissions: Mapping[str, Table] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the image."""
        return str(self.entry["name"])

    @property
    def files(self) -> set[str]:
        """What was written for it, as paths in the folder."""
        return {str(self.entry[kind]) for kind in FILES if kind in self.entry}

    def memory(self) -> dict[str, Any]:
        """Return what predictions.jsonl does not hold, as plain values."""
        tables = {name: {"columns": table.columns, "rows": table.rows} for name, table in self.submissions.items()}
        return {"name": self.name, "rows": self.rows, "line": self.line, "submissions": tables}


def keep(prediction: Prediction, line: str, written: Mapping[str, str], warnings: list[str]) -> Kept:
    """Take from a prediction what is told of it."""
    entry = {**prediction.to_dict(), **({"warnings": warnings} if warnings else {}), **written}
    rows: list[Row] = [{**row, **written} for row in prediction.table()]
    return Kept(entry, rows, line, prediction.submissions())


def finished(output: OutputFolder, settings: Mapping[str, Any]) -> list[Kept]:
    """Return what an earlier run finished; what failed, or lost one of its files, is to be done again.

    OutputError where that run was made with other settings.
    """
    memory = read_lines(output.folder / MEMORY)
    entries = read_lines(output.folder / LINES)
    before = next((line["settings"] for line in memory if "settings" in line), None)
    if entries and before is None:
        raise OutputError(f"{output.folder}: holds results of a run that cannot be continued; give another folder")
    differences = [name for name, value in settings.items() if before is not None and before.get(name) != value]
    if before is not None and differences:
        told = "; ".join(f"{name} was {before.get(name)!r}, is {settings[name]!r}" for name in differences)
        raise OutputError(
            f"{output.folder}: continued with other settings ({told}); give the same ones, or another folder"
        )
    failed = {entry.get("name") for entry in entries if "error" in entry}
    return [each for each in kept_in(output.folder) if each.files <= output.earlier and each.name not in failed]


def kept_in(folder: Path) -> list[Kept]:
    """Return what a folder of results remembers of each prediction, in the order in which they were made."""
    known = {line["name"]: line for line in read_lines(folder / MEMORY) if "name" in line}
    kept: dict[str, Kept] = {}
    for entry in read_lines(folder / LINES):
        name = entry.get("name")
        if name in known and "error" not in entry and name not in kept:
            kept[str(name)] = _remembered(entry, known[name])
    return list(kept.values())


def _remembered(entry: dict[str, Any], line: dict[str, Any]) -> Kept:
    tables = {name: Table(tuple(table["columns"]), table["rows"]) for name, table in line["submissions"].items()}
    return Kept(entry, line["rows"], line["line"], tables)
