"""Where jobs are worked off: one thread reads images, one alone calls the frameworks, one looks after both."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.errors import ZooError
from zoo.common.types import Image
from zoo.prediction.outcomes import outcomes, unexpected
from zoo.prediction.passes import check_views, with_options
from zoo.prediction.progress import heard_by
from zoo.serve.jobs import RUNNING, Job, Line, Target
from zoo.serve.metrics import Metrics
from zoo.serve.refusals import RefusedError
from zoo.serve.settings import Settings
from zoo.serve.shelf import Shelf
from zoo.serve.workers import Pass, Worker

if TYPE_CHECKING:
    from zoo.model import Model

LONGEST_WAIT_S = 60
PACE = 0.9  # weight of what was known before, when the time of an answer is averaged
LOOK_S = 0.5  # between two looks at the threads
ONE_BY_ONE = "mindspore"  # one call at a time in a process, so that one that does not return keeps all others out
DRAWN = "drawn example"


class Desk:
    """Takes jobs and ends each of them, whatever happens."""

    def __init__(self, settings: Settings, metrics: Metrics, shelf: Shelf | None = None) -> None:
        self.bounds, self.metrics = settings.bounds, metrics
        self.shelf = shelf or Shelf(settings)
        self.line = Line(settings.bounds)
        self.reader = Worker("zoo-reader", self._next_unread, self._read)
        self.engine = Worker("zoo-engine", self.line.next_batch, self._answer_batch)
        self._watchdog = threading.Thread(target=self._look_after, name="zoo-watchdog", daemon=True)
        self._is_over = threading.Event()
        self._inside = 0
        self._seconds = 0.1  # that an answer takes, on the average
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to work."""
        for each in (self.reader, self.engine, self._watchdog):
            each.start()

    def stop(self) -> None:
        """Give up what waits, and wait for what runs to come to its next step."""
        self._is_over.set()
        for job in self.line.close():
            job.end(RefusedError(503, "the server is stopping; try again later", 5))
        for worker in (self.reader, self.engine):
            worker.join(10)

    @property
    def works(self) -> bool:
        """Whether all threads that are needed are there."""
        return self.reader.works and self.engine.works and self._watchdog.is_alive()

    @property
    def lost(self) -> list[Pass]:
        """What was given up because a thread did not come back from it, and still has not."""
        return [*self.reader.lost, *self.engine.lost]

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
        """Put a job into the line; RefusedError where its model does not come back from another one."""
        self._refuse_lost(job.target)
        self.line.add(job)

    def _refuse_lost(self, target: Target) -> None:
        if not self.engine.works or not self.reader.works:
            raise RefusedError(503, "too many threads do not come back; the server has to be started again")
        for each in self.engine.lost:
            lost = each.jobs[0].target
            if target == lost or target.framework == lost.framework == ONE_BY_ONE:
                raise RefusedError(
                    503,
                    f"{lost.algorithm} in {lost.framework} does not come back for {each.seconds:.0f} s, and "
                    "is asked nothing until it does; another model or framework may answer",
                    LONGEST_WAIT_S,
                )

    def give_up(self, job: Job, why: ZooError | None = None) -> None:
        """End a job that nobody waits for: at once where it has not begun, else at its next step."""
        job.stop(why)
        if job.state != RUNNING:
            self.line.remove(job)
            job.end(why or RefusedError(499, "cancelled"))

    def _look_after(self) -> None:
        """Put another in the place of a thread that does not come back, and refuse what would follow it."""
        while not self._is_over.wait(LOOK_S):
            lost = [late for worker in (self.reader, self.engine) if (late := worker.relieve()) is not None]
            for late in lost:
                for job in late.jobs:
                    self.line.remove(job)
            for job in self.line.jobs if lost else []:
                try:
                    self._refuse_lost(job.target)
                except RefusedError as error:
                    self.line.remove(job)
                    job.end(error)

    def _next_unread(self) -> list[Job]:
        job = self.line.next_unread()
        return [] if job is None else [job]

    def _read(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            try:
                job.check()
                image = None if job.example is not None else job.upload.read(self.bounds, job.check)
                job.image = image
                self.line.is_ready(job)
            except Exception as error:  # told to the client, and where nobody foresaw it, to the log
                self.line.remove(job)
                job.end(error if isinstance(error, ZooError) else unexpected(job.upload.name, error))

    def _answer_batch(self, batch: Sequence[Job]) -> None:
        began = time.monotonic()
        try:
            self._refuse_lost(batch[0].target)  # it may have been lost since they came
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
            check_views(algorithm, model.engine)
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
    return job.begin()


def _image_of(job: Job, model: Model) -> Image:
    if job.image is not None:
        return job.image
    return model.algorithm.example(model.config, np.random.default_rng(job.example)).image
