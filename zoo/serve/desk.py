"""Where jobs are worked off: one thread reads images, one thread alone calls the frameworks."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.errors import ZooError
from zoo.common.types import Image
from zoo.prediction.outcomes import outcomes, unexpected
from zoo.prediction.passes import check_views, with_options
from zoo.prediction.progress import heard_by
from zoo.serve.jobs import RUNNING, Job, Line
from zoo.serve.metrics import Metrics
from zoo.serve.refusals import RefusedError
from zoo.serve.settings import Settings
from zoo.serve.shelf import Shelf

if TYPE_CHECKING:
    from zoo.model import Model

LONGEST_WAIT_S = 60
PACE = 0.9  # weight of what was known before, when the time of an answer is averaged
DRAWN = "drawn example"


class Desk:
    """Takes jobs and ends each of them, whatever happens."""

    def __init__(self, settings: Settings, metrics: Metrics, shelf: Shelf | None = None) -> None:
        self.bounds, self.metrics = settings.bounds, metrics
        self.shelf = shelf or Shelf(settings)
        self.line = Line(settings.bounds)
        self.threads = [
            threading.Thread(target=self._read_all, name="zoo-reader", daemon=True),
            threading.Thread(target=self._answer_all, name="zoo-engine", daemon=True),
        ]
        self._inside = 0
        self._seconds = 0.1  # that an answer takes, on the average
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to work."""
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Give up what waits, and wait for what runs to come to its next step."""
        for job in self.line.close():
            job.end(RefusedError(503, "the server is stopping; try again later", 5))
        for thread in self.threads:
            thread.join(timeout=10)

    @property
    def inside(self) -> int:
        """How many requests there are between their first byte and their answer."""
        return self._inside

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Take a place among the requests; RefusedError with a time to wait where all are taken."""
        with self._lock:
            if self._inside >= self.bounds.queue:
                wait = min(LONGEST_WAIT_S, max(1, math.ceil(self._seconds * self._inside)))
                raise RefusedError(429, f"{self._inside} requests wait already; try again in {wait} s", wait)
            self._inside += 1
        place = Place(self)
        try:
            yield place
        finally:
            place.leave_unless_kept()

    def leave(self) -> None:
        """Free a place."""
        with self._lock:
            self._inside -= 1

    def submit(self, job: Job) -> None:
        """Put a job into the line."""
        self.line.add(job)

    def give_up(self, job: Job, why: ZooError | None = None) -> None:
        """End a job that nobody waits for: at once where it has not begun, else at its next step."""
        job.stop(why)
        if job.state != RUNNING:
            self.line.remove(job)
            job.end(why or RefusedError(499, "cancelled"))

    def _read_all(self) -> None:
        while (job := self.line.next_unread()) is not None:
            try:
                job.check()
                image = None if job.example is not None else job.upload.read(self.bounds, job.check)
                job.image = image
                self.line.is_ready(job)
            except Exception as error:  # told to the client, and where nobody foresaw it, to the log
                self.line.remove(job)
                job.end(error if isinstance(error, ZooError) else unexpected(job.upload.name, error))

    def _answer_all(self) -> None:
        while batch := self.line.next_batch():
            began = time.monotonic()
            try:
                self._answer([job for job in batch if _may_begin(job)])
            except Exception as error:  # told to the clients, and where nobody foresaw it, to the log
                for job in batch:
                    job.end(error if isinstance(error, ZooError) else unexpected(job.upload.name, error))
            taken = (time.monotonic() - began) / len(batch)
            self._seconds = PACE * self._seconds + (1 - PACE) * taken
            self.metrics.batches.observe(len(batch))

    def _answer(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        first = jobs[0]
        model = self.shelf.get(first.target)
        algorithm = with_options(model.algorithm, json.loads(first.options))
        if first.tta:
            check_views(algorithm)
        read = [(job.upload.name or DRAWN, _image_of(job, model)) for job in jobs]
        how: tuple[Any, ...] = (algorithm, model.engine, read, len(jobs), first.tta, model.scope, model.made_by)
        with heard_by(first.step) if len(jobs) == 1 else nullcontext():
            for job, (_, outcome) in zip(jobs, outcomes(*how), strict=True):
                job.end(outcome)


class Place:
    """A place among the requests, which a job may keep after its request was answered."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self._is_kept = desk, False

    def keep_until_ended(self, job: Job) -> None:
        """Leave when the job ends."""
        self._is_kept = True
        job.outcome.add_done_callback(lambda _: self.desk.leave())

    def leave_unless_kept(self) -> None:
        """Leave now, unless a job has the place."""
        if not self._is_kept:
            self.desk.leave()


def _may_begin(job: Job) -> bool:
    """Tell a job that it runs; end it where it was given up, or its time is up."""
    try:
        job.check()
    except ZooError as error:
        job.end(error)
        return False
    job.state = RUNNING
    return True


def _image_of(job: Job, model: Model) -> Image:
    if job.image is not None:
        return job.image
    return model.algorithm.example(model.config, np.random.default_rng(job.example)).image
