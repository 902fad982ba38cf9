"""How far a run is: a bar in a terminal, a line now and then where there is none, and what was warned of meanwhile."""

from __future__ import annotations

import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm import tqdm

EVERY_S = 30.0  # between two lines
BAR_FROM = 16  # fewer steps than this show no bar
Hear = Callable[[int, int], object]  # steps done, steps in all
_HEARS: ContextVar[Hear | None] = ContextVar("who hears the steps", default=None)


@contextmanager
def heard_by(hear: Hear) -> Iterator[None]:
    """Tell the steps of a prediction in this thread; what `hear` raises ends the prediction."""
    token = _HEARS.set(hear)
    try:
        yield
    finally:
        _HEARS.reset(token)


@contextmanager
def steps(total: int, name: str, unit: str) -> Iterator[Callable[[int], None]]:
    """Count the steps through one image: in a bar where there are many, and for whoever hears them."""
    hear, done = _HEARS.get(), 0
    with tqdm(total=total, desc=name, unit=unit, leave=False, disable=None if total >= BAR_FROM else True) as bar:

        def step(number: int) -> None:
            nonlocal done
            done += number
            bar.update(number)
            if hear is not None:
                hear(done, total)

        if hear is not None:
            hear(0, total)
        yield step


class Lines:
    """Tells the state of a run in lines of text; total: images to come, None when unknown."""

    def __init__(
        self,
        total: int | None,
        tell: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
        every_s: float = EVERY_S,
    ) -> None:
        self.total, self.tell, self.clock, self.every_s = total, tell, clock, every_s
        self.done = self.failed = 0
        self.told = clock()
        self.began: float | None = None  # when the first image was done: what comes before it, warming up, comes once

    def step(self, failed: bool = False) -> None:
        """Count an image; tell when it is time."""
        self.done += 1
        self.failed += failed
        now = self.clock()
        if self.began is None:
            self.began = now
        if now - self.told >= self.every_s:
            self.told = now
            self.tell(self.text(now))

    def text(self, now: float) -> str:
        """Say how many images are done, and how long the rest will take at the pace so far."""
        of = f"{self.done:,}" if self.total is None else f"{self.done:,} of {self.total:,}"
        failed = f", {self.failed:,} of them failed" if self.failed else ""
        if self.total is None or self.began is None or self.done < 2:
            return f"{of} images{failed}"
        pace_s = (now - self.began) / (self.done - 1)
        return f"{of} images{failed}, about {_spoken(pace_s * (self.total - self.done))} left"


def to_stderr(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)


def silent(line: str) -> None:
    """Say nothing, where a bar is shown."""


def is_shown() -> bool:
    """Whether a terminal shows the bar."""
    return sys.stderr.isatty()


class Heard:
    """The warnings of a run, from whichever of its threads, besides that they are shown as ever."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.turns = threading.Lock()

    def add(self, text: str) -> None:
        """Keep a warning."""
        with self.turns:
            self.texts.append(text)

    def of(self, name: str) -> list[str]:
        """Take those that name an image."""
        with self.turns:
            mine = [text for text in self.texts if name in text]
            self.texts = [text for text in self.texts if name not in text]
        return mine


@contextmanager
def listening() -> Iterator[Heard]:
    """Hear every warning meanwhile."""
    heard, show = Heard(), warnings.showwarning

    def hear(message: Warning | str, *place: Any, **more: Any) -> None:
        heard.add(str(message))
        show(message, *place, **more)

    warnings.showwarning = hear
    try:
        yield heard
    finally:
        warnings.showwarning = show


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
