"""Jobs whose answers wait to be fetched: not for long, not many, and in memory alone."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from zoo.common.answers.prediction import Prediction
from zoo.serve.jobs import ENDED, Job
from zoo.serve.refusals import RefusedError
from zoo.serve.settings import Bounds


class Held:
    """The jobs of a service by their names, which cannot be guessed; used from the loop alone."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._jobs: dict[str, Job] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Keep a job, and its answer once it has one."""
        self.tidy()
        job.is_kept = True
        self._jobs[job.id] = job

    def get(self, name: str) -> Job:
        """Find a job; RefusedError where there is none of that name, or none any more."""
        if name not in self._jobs:
            raise RefusedError(404, "no such job; answers are kept for a while only, send the image again")
        return self._jobs[name]

    def drop(self, job: Job) -> None:
        """Forget a job and its files."""
        if self._jobs.pop(job.id, None) is not None:
            job.upload.discard()

    def tidy(self) -> None:
        """Forget answers that waited too long, and the oldest where all together are too large."""
        now = time.monotonic()
        for job in [job for job in self._ended() if now - job.ended > self.bounds.held_seconds]:
            self.drop(job)
        total = 0
        for job in sorted(self._ended(), key=lambda job: -job.ended):
            total += size_of(job)
            if total > self.bounds.held_bytes:
                self.drop(job)

    def clear(self) -> Iterable[Job]:
        """Forget all of them, and return them."""
        jobs = list(self._jobs.values())
        for job in jobs:
            self.drop(job)
        return jobs

    def _ended(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.state in ENDED]


def size_of(job: Job) -> int:
    """Return how much an answer takes [bytes], in memory and, with the files that it came of, on the disk."""
    if not job.outcome.done() or job.outcome.exception() is not None:
        return job.upload.bytes
    return job.upload.bytes + _bytes_of(job.outcome.result())


def _bytes_of(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, Prediction):
        return int(value.image.array.nbytes) + sum(map(_bytes_of, vars(value).values()))
    if isinstance(value, dict):
        return sum(map(_bytes_of, value.values()))
    return 0
