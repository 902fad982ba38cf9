"""Predictions for any number of images, written as they come, so that memory does not grow with their number."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from zoo.common.answers.prediction import Prediction
from zoo.common.errors import OutputError, ZooError
from zoo.common.tables import Table
from zoo.common.types import Row
from zoo.prediction.file_names import FreePaths as FreePaths
from zoo.prediction.files import RunFiles, failure_entry
from zoo.prediction.options import checked_batch_size
from zoo.prediction.outcomes import outcomes
from zoo.prediction.passes import check_views, with_options
from zoo.prediction.sources import Images

if TYPE_CHECKING:
    from zoo.model import Model


@dataclass
class Results:
    """What is kept of each prediction once its image is gone.

    complete: whether the run came to its end.
    """

    model: dict[str, str]
    predictions: list[dict[str, object]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    failures: list[tuple[str, ZooError]] = field(default_factory=list)
    submissions: dict[str, Table] = field(default_factory=dict)  # by challenge
    out_of_scope: int = 0  # predictions of images unlike those of the training
    complete: bool = False

    def add(self, name: str, outcome: Prediction | ZooError, files: RunFiles | None = None) -> None:
        """Keep what is said of one image, and write it where there are files."""
        if isinstance(outcome, ZooError):
            self._fail(name, outcome, files)
            return
        written, failures = files.add(outcome) if files is not None else ({}, [])
        entry: dict[str, object] = {**outcome.to_dict(), **written}
        if files is not None:
            files.add_line(entry)
        self.predictions.append(entry)
        self.rows += [{**row, **written} for row in outcome.table()]
        for challenge, table in outcome.submissions().items():
            self.submissions.setdefault(challenge, Table(table.columns, [])).rows.extend(table.rows)
        self.lines.append(described(outcome))
        self.out_of_scope += bool(outcome.out_of_scope)
        for error in failures:
            self._fail(name, error, files)

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        failures = [failure_entry(name, error) for name, error in self.failures]
        return {
            "model": self.model,
            "complete": self.complete,
            "predictions": self.predictions,
            "failures": failures,
        }

    def close(self, files: RunFiles) -> None:
        """Write the tables; quietly give up where the run has ended in an error already."""
        try:
            files.close(self.to_dict(), self.rows, self.submissions)
        except OutputError:
            if self.complete:
                raise

    def _fail(self, name: str, error: ZooError, files: RunFiles | None) -> None:
        self.failures.append((name, error))
        if files is not None:
            files.add_line(failure_entry(name, error))


def predict_many(
    model: Model,
    found: Images,
    out: str | os.PathLike[str] | None = None,
    *,
    batch_size: int = 8,
    overlays: bool = True,
    tta: bool = False,
    overwrite: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Results:
    """Predict every image under its full path; write JSON, CSV, masks and overlays into `out` if given.

    What is finished is on disk at once. Where the run is interrupted, or cannot write any more, the tables hold what
    was done and the error says how much that is.
    overwrite: replace what an earlier run wrote into `out`; nothing else is ever replaced.
    """
    algorithm, batch_size = with_options(model.algorithm, options or {}), checked_batch_size(batch_size)
    if tta:
        check_views(algorithm)
    results = Results(model.identity)
    files = RunFiles(out, found.names(), overlays=overlays, overwrite=overwrite) if out is not None else None
    bar = tqdm(found, desc=model.name, unit="image", disable=None)
    try:
        for name, outcome in outcomes(algorithm, model.engine, bar, batch_size, tta, model.scope):
            results.add(name, outcome, files)
        results.complete = True
    except (KeyboardInterrupt, OutputError) as error:
        bar.close()
        kept = f", kept in {files.folder}" if files is not None else ""
        known = len(found.names())
        done = f"{len(results.predictions)}{f' of {known}' if known else ''} images predicted{kept}"
        raise type(error)(f"{error}; {done}" if str(error) else done) from error
    finally:
        if files is not None:
            results.close(files)
    return results


def described(prediction: Prediction) -> str:
    """Return the line that stands for a prediction, and one more where its image is out of scope."""
    note = f"\n  out of scope: {'; '.join(prediction.out_of_scope)}" if prediction.out_of_scope else ""
    return f"{prediction}{note}"
