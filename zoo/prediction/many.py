"""Predictions for any number of images, written as they come, so that memory does not grow with their number."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from zoo.common.answers.prediction import Prediction
from zoo.common.errors import OutputError, ZooError
from zoo.common.files.names import as_utf8
from zoo.common.tables import Table, plain
from zoo.common.types import Row
from zoo.engines.backends_ray import checked_ray
from zoo.graphs.key import sum_of
from zoo.prediction import progress
from zoo.prediction.batch import Kept, keep
from zoo.prediction.channels import with_channels
from zoo.prediction.file_names import FreePaths as FreePaths
from zoo.prediction.files import RunFiles, Style, failure_entry
from zoo.prediction.hidden import hidden
from zoo.prediction.options import checked_batch_size
from zoo.prediction.outcomes import Outcome, outcomes
from zoo.prediction.passes import check_views, with_options
from zoo.prediction.shards import Shard
from zoo.prediction.sources import Images
from zoo.prediction.threads import Behind

if TYPE_CHECKING:
    from zoo.model import Model

MOST_VALUES = 1 << 23  # of an image whose answer waits: 32 MiB


@dataclass
class Results:
    """What is kept of each prediction once its image is gone.

    complete: whether the run came to its end. left_out: what lay among the images and is none, path and reason.
    skipped: how many of the predictions are those of an earlier run.
    """

    model: dict[str, str]
    kept: list[Kept] = field(default_factory=list)
    failures: list[tuple[str, ZooError]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    skipped: int = 0
    is_hidden: bool = False  # the files name nobody; `failures` still does
    shard: dict[str, Any] = field(default_factory=dict)  # which part of a batch this is; empty for all of it
    complete: bool = False

    @property
    def predictions(self) -> list[dict[str, Any]]:
        """The entries of predictions.json."""
        return [each.entry for each in self.kept]

    @property
    def rows(self) -> list[Row]:
        """The rows of predictions.csv."""
        return [row for each in self.kept for row in each.rows]

    @property
    def lines(self) -> list[str]:
        """A line per prediction, for people."""
        return [each.line for each in self.kept]

    @property
    def submissions(self) -> dict[str, Table]:
        """The tables that challenges take, by their name."""
        joined: dict[str, Table] = {}
        for each in self.kept:
            for challenge, table in each.submissions.items():
                joined.setdefault(challenge, Table(table.columns, [])).rows.extend(table.rows)
        return joined

    @property
    def out_of_scope(self) -> int:
        """How many predictions are of images unlike those of the training."""
        return sum(bool(each.entry.get("out_of_scope")) for each in self.kept)

    def add(
        self,
        name: str,
        outcome: Prediction | ZooError,
        files: RunFiles | None = None,
        warnings: Sequence[str] = (),
    ) -> None:
        """Keep what is said of one image, and write it where there are files."""
        if isinstance(outcome, ZooError):
            self._fail(name, outcome, files)
            return
        written, failures = files.add(outcome) if files is not None else ({}, [])
        kept = keep(outcome, described(outcome), written, list(warnings))
        self.kept.append(kept)
        for error in failures:
            self._fail(name, error, files)
        if files is not None:
            files.remember(kept)

    def go_on(self, kept: Sequence[Kept], found: Images) -> Images:
        """Take over what an earlier run finished; return the images that are left to do."""
        done, names = {each.name for each in kept}, found.names()
        self.kept = list(kept)
        self.skipped = sum(as_utf8(name) in done for name in names)
        return found.without({name for name in names if as_utf8(name) in done})

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {
            "model": self.model,
            "complete": self.complete,
            "predictions": self.predictions,
            "failures": [failure_entry(name, error, self.is_hidden) for name, error in self.failures],
            "left_out": [{"name": as_utf8(name), "reason": reason} for name, reason in self.left_out],
            **({"shard": self.shard} if self.shard else {}),
        }

    def so_far(self, total: int, files: RunFiles | None) -> str:
        """Say how many images are done, and where that is."""
        where = f", kept in {files.folder}" if files is not None else ""
        return f"{len(self.kept)}{f' of {total}' if total else ''} images predicted{where}"

    def sort(self, names: Sequence[str]) -> None:
        """Bring the predictions into the order of these names, after those of earlier runs that are not among them."""
        place = {as_utf8(name): i for i, name in enumerate(names)}
        self.kept.sort(key=lambda each: place.get(each.name, -1))

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
            files.add_line(failure_entry(name, error, self.is_hidden))


def predict_many(
    model: Model,
    found: Images,
    out: str | os.PathLike[str] | None = None,
    *,
    batch_size: int = 8,
    overlays: bool = True,
    tta: bool = False,
    overwrite: bool = False,
    skip_existing: bool = False,
    style: Style | None = None,
    options: Mapping[str, Any] | None = None,
    shard: Shard | None = None,
    ray: str = "",
) -> Results:
    """Predict every image under its full path; write JSON, CSV and what `style` says into `out` if given.

    What is finished is on disk at once; where the run cannot go on, the tables hold that, and the error says how much.
    overwrite: replace what an earlier run wrote into `out`; nothing else is ever replaced. skip_existing: go on with
    what an earlier run left in `out`, however it ended; images that failed are tried again. shard: predict this part
    of the images alone, into a folder of its own in `out`. ray: "local", or a cluster, whose workers predict.
    """
    algorithm, batch_size = with_options(model.algorithm, options or {}), checked_batch_size(batch_size)
    if tta:
        check_views(algorithm, model.engine)
    settings = _settings(model, found.spacing_mm, tta, options or {}) if out is not None else {}
    style, ray, found = style or Style(overlays), checked_ray(ray), with_channels(found, model.scope.channels)
    found = found if style.hide is None else hidden(found, style.hide)
    told: dict[str, Any] = {}
    if shard is not None:
        told = {**shard.described(found.names()), "settings": {**settings, **style.settings()}}
        found, out, settings = shard.part(found), shard.place(out), {**settings, "shard": told["part"]}
    names, files = found.names(), None
    results = Results(model.identity, left_out=found.left_out, is_hidden=style.hide is not None, shard=told)
    if out is not None:
        files = RunFiles(out, names, style, overwrite=overwrite, skip_existing=skip_existing, settings=settings)
        found = results.go_on(files.kept, found)
    with _kept(results, names, files):
        _run(model.name, _answered(model, algorithm, found, batch_size, tta, ray), found, files, results)
    return results


def _settings(model: Model, spacing_mm: object, tta: bool, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides about answers, which a run shares with one that goes on with it, and parts of a batch do.

    A weight file's sum does not tell of weights that were trained, or put in, since; nor of a changed configuration.
    """
    config = {f"config.{name}": value for name, value in dataclasses.asdict(model.config).items()}
    weights = {"sha256": model.sha256, "weights": sum_of(model.engine.weights()), "precision": model.precision}
    asked = {"spacing_mm": spacing_mm, "tta": tta, "options": dict(options)}
    return dict(plain({"model": model.name, **weights, **config, **asked}))


@contextmanager
def _kept(results: Results, names: Sequence[str], files: RunFiles | None) -> Iterator[None]:
    """Write the tables at the end, however it comes; say how much was done where the run could not go on."""
    try:
        yield
    except (KeyboardInterrupt, OutputError) as error:
        raise type(error)("; ".join(filter(None, (str(error), results.so_far(len(names), files))))) from error
    finally:
        results.sort(names)
        if files is not None:
            results.close(files)


def _answered(
    model: Model, algorithm: Any, found: Images, batch_size: int, tta: bool, ray: str
) -> Generator[Outcome, None, None]:
    """Return the answers as they come, from this process or from others."""
    if ray:
        from zoo.prediction.by_ray import outcomes_by_ray

        return outcomes_by_ray(ray, model, algorithm, found, batch_size, tta)
    how = algorithm, model.engine, found, batch_size, tta, model.scope, model.made_by
    # what a generator gives is asked for when it is needed; fewer than two images leave nothing to read ahead
    return outcomes(*how, reads_ahead=len(found.names()) > 1)


def _run(
    title: str, done: Generator[Outcome, None, None], found: Images, files: RunFiles | None, results: Results
) -> None:
    """Keep answer after answer; a bar, or lines where no terminal shows one, tell how far it is."""
    total = len(found.names()) or None
    lines = progress.Lines(total, progress.silent if progress.is_shown() else progress.to_stderr)
    is_drawn = files is not None and files.style.overlays
    with (
        tqdm(total=total, desc=title, unit="image", disable=None) as bar,
        progress.listening() as heard,
        closing(done),
        Behind() as writer,
    ):
        for name, outcome in done:
            task = partial(results.add, name, outcome, files, heard.of(name))
            writer.do(task, at_once=not is_drawn or _is_large(outcome))
            bar.update()
            lines.step(failed=isinstance(outcome, ZooError))
    results.complete = True


def _is_large(outcome: Prediction | ZooError) -> bool:
    """Whether an answer, a volume's or a slide's, takes too much memory to wait for being written."""
    return not isinstance(outcome, ZooError) and outcome.image.array.size > MOST_VALUES


def described(prediction: Prediction) -> str:
    """Return the line that stands for a prediction, and one more where its image is out of scope."""
    note = f"\n  out of scope: {'; '.join(prediction.out_of_scope)}" if prediction.out_of_scope else ""
    return f"{prediction}{note}"
