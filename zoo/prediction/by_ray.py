"""Answers from workers of Ray: each holds the model, and what a lost one had in hand is done again by another."""

from __future__ import annotations

import importlib
import logging
import os
import traceback
import warnings
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from multiprocessing.pool import RemoteTraceback  # type: ignore[attr-defined]
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from zoo import __version__
from zoo.common.algorithm import Algorithm
from zoo.common.errors import BackendError, ZooError
from zoo.engines.backends import threads
from zoo.engines.backends_ray import joined
from zoo.prediction.outcomes import Outcome, outcomes
from zoo.prediction.sources import Images, Item

if TYPE_CHECKING:
    from zoo.model import Model

TRIES = 3  # with images that cost a worker its life; then they have failed, and the others go on
PART, TOLD = "part", "told"  # columns of Ray's tables
Warned = tuple[str, type[Warning], str, int]  # text, kind, file, line


@dataclass(frozen=True)
class Work:
    """All that a worker needs: the model, the images, and how they are predicted."""

    model: Model
    algorithm: Algorithm[Any]
    items: list[Item]
    batch_size: int
    tta: bool
    folder: Path  # in which the names of the images are true
    version: str = __version__

    def part(self, start: int) -> list[Item]:
        """Return the images that go through the network together, as they would in one process."""
        return self.items[start : start + self.batch_size]


class Told(NamedTuple):
    """What came of one part: an answer for each image, tracebacks of bugs by name, warnings."""

    outcomes: list[Outcome]
    bugs: dict[str, str]
    warned: list[Warned]


class Worker:
    """Holds the model in a process of its own, which Ray calls with one part after the other."""

    def __init__(self, work: Any) -> None:
        self.work: Work = importlib.import_module("ray").get(work)
        if self.work.version != __version__:
            raise BackendError(f"openmedia-zoo {__version__} on a worker; expected {self.work.version}, as here")
        if not self.work.folder.is_dir():
            raise BackendError(f"{self.work.folder}: no folder of a worker; expected the one that the command runs in")
        os.chdir(self.work.folder)

    def __call__(self, rows: Any) -> Any:
        """Answer for one part; rows, and what is returned, are tables of one row."""
        import pandas

        start = int(rows[PART].iloc[0])
        return pandas.DataFrame({PART: [start], TOLD: [self._told(start)]})

    def _told(self, start: int) -> Told:
        work = self.work
        how = work.batch_size, work.tta, work.model.scope, work.model.made_by
        with warnings.catch_warnings(record=True) as heard:
            found = list(outcomes(work.algorithm, work.model.engine, Images(work.part(start)), *how))
        causes = {name: outcome.__cause__ for name, outcome in found if isinstance(outcome, ZooError)}
        bugs = {name: "".join(traceback.format_exception(cause)) for name, cause in causes.items() if cause is not None}
        return Told(found, bugs, [(str(one.message), one.category, one.filename, one.lineno) for one in heard])


def outcomes_by_ray(
    address: str, model: Model, algorithm: Algorithm[Any], found: Images, batch_size: int, tta: bool
) -> Generator[Outcome, None, None]:
    """Answer image after image, in order, as `outcomes` does; the work is done by the workers of a Ray cluster.

    Images go through the network in the same company as in one process, so that answers are the same ones.
    """
    work = Work(model, algorithm, list(found.items), batch_size, tta, Path.cwd())
    shown: dict[Any, Any] = {}  # warnings, by Python's own rule: the same one from the same line once
    reached = 0
    with joined(address) as ray:
        for start, told in _told_by_workers(ray, work) if work.items else ():
            yield from _lost(work, reached, start)
            reached = start + batch_size
            for text, kind, file, line in told.warned:
                warnings.warn_explicit(text, kind, file, line, registry=shown)
            for name, outcome in told.outcomes:
                if name in told.bugs and isinstance(outcome, ZooError):
                    outcome.__cause__ = RemoteTraceback(told.bugs[name])
                yield name, outcome
        yield from _lost(work, reached, len(work.items))


def _told_by_workers(ray: Any, work: Work) -> Iterator[tuple[int, Told]]:
    """Yield what came of each part under its first image's place, in order, without those that no worker survived."""
    data = importlib.import_module("ray.data")
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    starts = [{PART: start} for start in range(0, len(work.items), work.batch_size)]
    cpus, gpus, most = _room(ray, work.model.device)
    table = data.from_items(starts, override_num_blocks=len(starts))  # a part is what is done again
    table.context.execution_options.preserve_order = True
    table.context.max_errored_blocks = -1
    table.context.enable_progress_bars = False
    # one part in hand: those that waited behind a deadly one would share its end, and be called its like
    pool = data.ActorPoolStrategy(min_size=1, max_size=min(most, len(starts)), max_tasks_in_flight_per_actor=1)
    asked = {"fn_constructor_args": (ray.put(work),), "compute": pool, "num_cpus": cpus, "num_gpus": gpus}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the number of tries, for which nothing else is there
        one_by_one = {"batch_size": 1, "batch_format": "pandas"}
        answered = table.map_batches(Worker, **one_by_one, **asked, max_restarts=-1, max_task_retries=TRIES)
    try:
        for rows in answered.iter_batches(batch_size=None, batch_format="pandas", prefetch_batches=0):
            yield from zip(map(int, rows[PART]), rows[TOLD], strict=True)
    except ray.exceptions.RayError as error:
        told = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise BackendError(
            f"Ray cannot go on: {told[-1].strip()}; see that every machine has what this one has"
        ) from error


def _room(ray: Any, device: str) -> tuple[int, int, int]:
    """Return the processors and graphics cards of one worker, and how many workers the cluster has room for."""
    there, cpus = ray.cluster_resources(), threads() or 1
    if device == "cpu":
        return cpus, 0, max(1, int(there.get("CPU", 0)) // cpus)
    if device != "cuda" or there.get("GPU", 0) < 1:
        raise BackendError(f"device {device} given, and Ray has {there.get('GPU', 0):.0f} GPU; expected cpu, or cuda")
    return cpus, 1, int(there["GPU"])


def _lost(work: Work, reached: int, start: int) -> Iterator[Outcome]:
    """Yield an error for each image between two places: nobody came back with an answer for it."""
    for name, *_ in work.items[reached:start]:
        yield (
            name,
            BackendError(f"{name}: {TRIES + 1} workers that predicted it were lost; expected one to answer"),
        )
