"""Whose turn it is at a framework: threads together or one by one; processes made by fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SPAWN = 'start processes with multiprocessing.get_context("spawn"), or before the first use'


class Origin:
    """Remembers the process in which a framework was first used: its threads do not exist in a child made by fork."""

    def __init__(self) -> None:
        self._process: int | None = None

    def is_inherited(self) -> bool:
        """Tell whether this process was forked from one that had used the framework; the first caller is the user."""
        if self._process is None:
            self._process = os.getpid()
        return self._process != os.getpid()


class Turns:
    """Lets readers in together, and each writer alone.

    A child made by fork starts afresh: whoever was inside exists in the parent only.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._change = threading.Condition()
        self._readers = 0
        self._is_writing = False
        self._waiting = 0  # writers; readers let them go first, or a busy server would never be trained
        self._process = os.getpid()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Enter as a reader."""
        self._notice_fork()
        with self._change:
            self._change.wait_for(lambda: not self._is_writing and not self._waiting)
            self._readers += 1
        try:
            yield
        finally:
            with self._change:
                self._readers -= 1
                self._change.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Enter as a writer."""
        self._notice_fork()
        with self._change:
            self._waiting += 1
            try:
                self._change.wait_for(lambda: not self._is_writing and not self._readers)
            finally:
                self._waiting -= 1
                self._change.notify_all()
            self._is_writing = True
        try:
            yield
        finally:
            with self._change:
                self._is_writing = False
                self._change.notify_all()

    def _notice_fork(self) -> None:
        if self._process != os.getpid():
            self._begin()
