"""Reading ahead and writing behind: what disc and drawing take is done while the network runs, in the order it has."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
VALUES_AHEAD = 1 << 26  # of images and inputs that wait: a quarter of a GiB; a whole CT is never read beside another
WAITING = 8  # answers that may wait for being written: those of a batch, while the network answers the next one


class _Ahead(Generic[T]):
    """What one thread makes and another takes."""

    def __init__(self, size_of: Callable[[T], int], most: int) -> None:
        self.size_of, self.most = size_of, most
        self.changed = threading.Condition()
        self.made: deque[tuple[T, int]] = deque()
        self.waiting = self.last = 0  # values that wait, and those of the item before
        self.is_over = self.is_wanted = False
        self.error: BaseException | None = None

    def make(self, items: Iterable[T]) -> None:
        """Make one item after the other, as long as there is room for it or someone waits."""
        try:
            iterator = iter(items)
            while self._may_go_on():
                item = next(iterator)
                with self.changed:
                    self.last = self.size_of(item)
                    self.made.append((item, self.last))
                    self.waiting += self.last
                    self.changed.notify_all()
        except StopIteration:
            pass
        except BaseException as error:  # raised where the items are taken
            self.error = error
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def _may_go_on(self) -> bool:
        with self.changed:
            self.changed.wait_for(lambda: self.is_over or self._has_room())
            return not self.is_over

    def _has_room(self) -> bool:
        if not self.made and self.is_wanted:
            return True
        return len(self.made) < self.most and self.waiting + self.last <= VALUES_AHEAD

    def take(self) -> Iterator[T]:
        """Take the items in order; raise, after them, what making them ended in."""
        while True:
            with self.changed:
                self.is_wanted = True
                self.changed.notify_all()
                self.changed.wait_for(lambda: self.made or self.is_over)
                self.is_wanted = False
                if not self.made:
                    break
                item, size = self.made.popleft()
                self.waiting -= size
                self.changed.notify_all()
            yield item
            del item
        if self.error is not None:
            raise self.error

    def end(self) -> None:
        """Make nothing more."""
        with self.changed:
            self.is_over = True
            self.changed.notify_all()


def ahead(items: Iterable[T], size_of: Callable[[T], int], most: int) -> Iterator[T]:
    """Yield items that a thread makes meanwhile, at most so many before they are asked for, and as memory allows.

    size_of: values that an item holds. The next one is taken to be as large as the one before: where two of them are
    too much, each is made when it is asked for. The thread has ended when the iterator is closed.
    """
    shared = _Ahead(size_of, most)
    thread = threading.Thread(target=shared.make, args=(items,), name="reads ahead", daemon=True)
    thread.start()
    try:
        yield from shared.take()
    finally:
        shared.end()
        thread.join()


class Behind:
    """Does what it is given, in order, in a thread; whoever gives more than may wait, waits.

    Once a task fails, none of the others is done; the error is raised when the next one is given, or at the end.
    Leaving the context waits for everything that was given, also where it is left in an error.
    """

    def __init__(self, most: int = WAITING) -> None:
        self.most = most
        self.changed = threading.Condition()
        self.tasks: deque[Callable[[], object]] = deque()
        self.is_over = self.is_busy = False
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._work, name="writes behind", daemon=True)

    def __enter__(self) -> Behind:
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
        self.thread.join()
        if kind is None:
            self._raise()

    def do(self, task: Callable[[], object], at_once: bool = False) -> None:
        """Give a task; at_once: wait until it is done."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.tasks) < self.most or self.error is not None)
            self._raise()
            self.tasks.append(task)
            self.changed.notify_all()
            if at_once:
                self.changed.wait_for(lambda: not (self.tasks or self.is_busy) or self.error is not None)
                self._raise()

    def _raise(self) -> None:
        if self.error is not None:
            error, self.error = self.error, None
            self.tasks.clear()
            raise error

    def _work(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.tasks or self.is_over)
                if not self.tasks:
                    return
                task, self.is_busy = self.tasks.popleft(), True
                self.changed.notify_all()
            try:
                task()
            except BaseException as error:  # raised where tasks are given
                with self.changed:
                    self.error, self.is_busy = error, False
                    self.tasks.clear()
                    self.changed.notify_all()
                return
            with self.changed:
                self.is_busy = False
                self.changed.notify_all()
            del task
