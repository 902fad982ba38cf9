"""One image on its way to an answer, and the line in which it waits."""

from __future__ import annotations

import secrets
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from zoo.common.answers.prediction import Prediction
from zoo.common.errors import ZooError
from zoo.common.types import Image
from zoo.serve.refusals import RefusedError
from zoo.serve.settings import Bounds
from zoo.serve.uploads import Upload

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
ENDED = (DONE, FAILED, CANCELLED)
GONE = 499  # the client closed the request; nobody hears it, the metrics count it


class Target(NamedTuple):
    """Which weights are asked; equal ones answer together."""

    algorithm: str
    checkpoint: str
    framework: str


@dataclass(eq=False)
class Job:
    """A request for one answer.

    options: those of the prediction, as their canonical JSON. example: the seed of a drawn image, instead of a file.
    done, total: steps of the network; 0 of 0 until they are known.
    """

    target: Target
    upload: Upload
    options: str = "{}"
    tta: bool = False
    example: int | None = None
    seconds: float = 300.0
    id: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    state: str = WAITING
    done: int = 0
    total: int = 0
    image: Image | None = None
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    outcome: Future[Prediction] = field(default_factory=Future)
    is_kept: bool = False  # its answer waits to be fetched
    _stop: ZooError | None = None
    _ending: threading.Lock = field(default_factory=threading.Lock)

    @property
    def key(self) -> tuple[Target, str, bool]:
        """What jobs have in common that go through a network together."""
        return self.target, self.options, self.tta

    @property
    def values(self) -> int:
        """How much memory its image takes, in numbers; 0 before it is read."""
        return 0 if self.image is None else int(self.image.array.size)

    def stop(self, why: ZooError | None = None) -> None:
        """Ask it to end at the next step."""
        self._stop = why or RefusedError(GONE, "cancelled")

    def check(self) -> None:
        """Raise where it was asked to end, or its time is up."""
        if self._stop is not None:
            raise self._stop
        if time.monotonic() - self.began > self.seconds:
            raise RefusedError(504, f"no answer within {self.seconds:g} s; send a smaller image, or fewer at a time")

    def begin(self) -> bool:
        """Say that it runs now; False where it has ended already."""
        with self._ending:
            if self.outcome.done():
                return False
            self.state = RUNNING
            return True

    def step(self, done: int, total: int) -> None:
        """Hear how far the network is; ends the job where that was asked."""
        self.done, self.total = done, total
        self.check()

    def end(self, outcome: Prediction | ZooError) -> None:
        """Tell the answer, or why there is none; what comes second, of whatever thread, is not heard."""
        with self._ending:
            if self.outcome.done():
                return
            self.image, self.ended = None, time.monotonic()
            if isinstance(outcome, ZooError):
                is_cancelled = isinstance(outcome, RefusedError) and outcome.status == GONE
                self.state = CANCELLED if is_cancelled else FAILED  # before who waits is woken and asks for it
                self.outcome.set_exception(outcome)
            else:
                self.done, self.state = self.total, DONE
                self.outcome.set_result(outcome)

    def to_dict(self) -> dict[str, Any]:
        """Return what a client is told of its state."""
        return {"id": self.id, "model": self.target.algorithm, "state": self.state, **self.progress}

    @property
    def progress(self) -> dict[str, int]:
        """Steps of the network, done and in all."""
        return {"done": self.done, "total": self.total}


class Line:
    """Jobs in the order in which they came: read one by one, answered in batches of a kind."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._jobs: list[Job] = []
        self._read: set[Job] = set()
        self._change = threading.Condition()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def jobs(self) -> list[Job]:
        """Those that wait."""
        with self._change:
            return list(self._jobs)

    def add(self, job: Job) -> None:
        """Put a job at the end."""
        with self._change:
            if self._is_closed:
                raise RefusedError(503, "the server is stopping; try again later", 5)
            self._jobs.append(job)
            self._change.notify_all()

    def next_unread(self) -> Job | None:
        """Wait for a job whose image has to be read, as long as memory for another one is left; None at the end."""
        with self._change:
            self._change.wait_for(lambda: self._is_closed or self._unread() is not None)
            return self._unread() if not self._is_closed else None

    def is_ready(self, job: Job) -> None:
        """Say that the image of a job is read, or that it needs none."""
        with self._change:
            if job in self._jobs:  # else it was given up meanwhile
                self._read.add(job)
            self._change.notify_all()

    def next_batch(self) -> list[Job]:
        """Wait for jobs that go through a network together, the longest waiting first; [] at the end."""
        with self._change:
            self._change.wait_for(lambda: self._is_closed or bool(self._ready()))
            batch = self._ready() if not self._is_closed else []
            self._drop(batch)
            self._change.notify_all()
            return batch

    def remove(self, job: Job) -> None:
        """Take out a job that failed or was given up."""
        with self._change:
            self._drop([job])
            self._change.notify_all()

    def close(self) -> list[Job]:
        """Let nobody in any more; return those who are in it."""
        with self._change:
            left, self._is_closed = list(self._jobs), True
            self._drop(left)
            self._change.notify_all()
            return left

    def _drop(self, jobs: list[Job]) -> None:
        gone = set(jobs)
        self._jobs = [job for job in self._jobs if job not in gone]
        self._read -= gone

    def _unread(self) -> Job | None:
        held = sum(job.values for job in self._read)
        if held and held >= self.bounds.voxels:
            return None
        return next((job for job in self._jobs if job not in self._read), None)

    def _ready(self) -> list[Job]:
        first = next((job for job in self._jobs if job in self._read), None)
        if first is None or not is_picture(first):
            return [first] if first is not None else []
        alike = [job for job in self._jobs if job in self._read and job.key == first.key and is_picture(job)]
        return alike[: self.bounds.batch]


def is_picture(job: Job) -> bool:
    """Whether a job is answered in one step, so that others may share it."""
    return job.image is not None and job.image.array.ndim == 3
