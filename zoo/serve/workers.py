"""Threads that work jobs off, and what happens where one does not come back: another takes its place."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from zoo.serve.jobs import Job
from zoo.serve.refusals import RefusedError

GRACE_S = 5.0  # beyond the time of a request, for the last step of a network to end
MOST_LOST = 4  # threads that do not come back: each may hold a core, so no more are begun


@dataclass(eq=False)
class Pass:
    """Jobs that a thread is at, together."""

    jobs: Sequence[Job]
    began: float = field(default_factory=time.monotonic)

    @property
    def is_late(self) -> bool:
        """Whether the time of all its jobs is up, and the grace for a last step too."""
        return all(time.monotonic() - job.began > job.seconds + GRACE_S for job in self.jobs)

    @property
    def seconds(self) -> float:
        """How long it takes already."""
        return time.monotonic() - self.began

    def give_up(self) -> None:
        """End its jobs, which nobody will answer."""
        for job in self.jobs:
            job.end(RefusedError(504, f"no answer within {job.seconds:g} s; its thread was given up"))


class Worker:
    """One thread at a time takes jobs and works at them; one that is late is left alone and another begins."""

    def __init__(self, name: str, take: Callable[[], Sequence[Job]], work: Callable[[Sequence[Job]], None]) -> None:
        self.name, self._take, self._work = name, take, work
        self.lost: list[Pass] = []  # of threads that have not come back
        self._current: Pass | None = None
        self._lock = threading.Lock()
        self._thread = self._new_thread()

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout=seconds)

    @property
    def works(self) -> bool:
        """Whether there is a thread that takes jobs, or will when it is done with those it has."""
        return self._thread.is_alive() and len(self.lost) < MOST_LOST

    def relieve(self) -> Pass | None:
        """Let another thread begin where this one is late; return what is lost with it."""
        with self._lock:
            late = self._current
            if late is None or not late.is_late:
                return None
            self.lost.append(late)
            self._current = None
            self._report(late)
            if len(self.lost) < MOST_LOST:
                self._thread = self._new_thread()
                self._thread.start()
        late.give_up()
        return late

    def _report(self, late: Pass) -> None:
        """Print on stderr where the thread is, for whoever runs the service."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        names = ", ".join(dict.fromkeys(f"{job.target.algorithm} in {job.target.framework}" for job in late.jobs))
        stack = "".join(traceback.format_stack(frame)).rstrip() if frame is not None else ""
        print(
            f"{self.name} was given up after {late.seconds:.0f} s ({names}); it is at:\n{stack}",
            file=sys.stderr,
            flush=True,
        )

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name=self.name, daemon=True)

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me and (jobs := self._take()):
            mine = Pass(jobs)
            with self._lock:
                self._current = mine
            self._work(jobs)
            with self._lock:
                if mine in self.lost:  # it came back after all, and another has its place
                    self.lost.remove(mine)
                    if self._thread is not me:
                        return
                self._current = None
