"""The files of one run of predictions: a line, a mask and an overlay per image as they come; tables at the end."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from zoo.common.answers.prediction import Prediction
from zoo.common.errors import OutputError, ZooError
from zoo.common.files.names import as_utf8
from zoo.common.files.output_folder import OutputFolder
from zoo.common.tables import Table, write_csv, write_table
from zoo.common.types import Row
from zoo.prediction.file_names import FreePaths, file_stems
from zoo.prediction.outcomes import unexpected

LINES, DOCUMENT, TABLE, MASKS, OVERLAYS = (
    "predictions.jsonl",
    "predictions.json",
    "predictions.csv",
    "masks",
    "overlays",
)
SUBMISSION = "submission_{}.csv"


class RunFiles:
    """Writes what a run answers into a folder, see `OutputFolder` for what it never touches.

    names: of all images, as far as they are known before.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        names: Iterable[str],
        *,
        overlays: bool = True,
        overwrite: bool = False,
    ) -> None:
        names = list(names)
        own = (LINES, DOCUMENT, TABLE, MASKS, OVERLAYS, SUBMISSION.format("*"))
        stems = file_stems(names)
        self.output = OutputFolder(folder, own, overwrite=overwrite, inputs=map(Path, names))
        self.masks, self.overlays = FreePaths(Path(MASKS), stems), FreePaths(Path(OVERLAYS), stems)
        self.draws = overlays
        self.lines = self.output.open_lines(LINES)

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.output.folder

    def add(self, prediction: Prediction) -> tuple[dict[str, str], list[ZooError]]:
        """Write mask and overlay of a prediction; return their paths in the folder, and what failed."""
        name, written, failures = prediction.image.name, {}, []
        wanted = {"mask": self.masks.new(name, prediction.suffix)} if prediction.suffix != ".json" else {}
        wanted |= {"overlay": self.overlays.new(name)} if self.draws else {}
        for kind, path in wanted.items():
            write = prediction.save if kind == "mask" else prediction.draw
            try:
                self.output.write(path.as_posix(), write)
            except OutputError:  # the place is full or closed, for the next one as well
                raise
            except ZooError as error:
                failures.append(error)
            except Exception as error:  # told with its traceback, see `unexpected`
                failures.append(unexpected(f"{name}: {kind}", error))
            else:
                written[kind] = path.as_posix()
        return written, failures

    def add_line(self, entry: dict[str, Any]) -> None:
        """Append a prediction or a failure to the file of lines."""
        self.lines.add(entry)

    def close(self, document: dict[str, Any], rows: Sequence[Row], submissions: Mapping[str, Table]) -> None:
        """Write the tables of all predictions, and those that challenges take."""
        self.output.close_lines(self.lines)
        self.output.write_json(DOCUMENT, document)
        self.output.write(TABLE, partial(write_csv, rows=rows))
        for challenge, table in submissions.items():
            self.output.write(SUBMISSION.format(challenge), partial(write_table, table=table))
        self.output.close()


def failure_entry(name: str, error: ZooError) -> dict[str, str]:
    """Return a failure as plain values."""
    return {"name": as_utf8(name), "error": as_utf8(str(error))}
