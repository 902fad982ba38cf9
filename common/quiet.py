"""Warnings kept silent in a block, one block at a time: Python's own way forgets what another thread had set."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_TURNS = threading.RLock()  # filters are the process's, and each block puts back those that it found


@contextmanager
def quiet(category: type[Warning] = Warning, begins: str = "") -> Iterator[None]:
    """Show no warning of a category; of those, where `begins` is given, that begin so (a regular expression)."""
    with _TURNS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", begins, category)
        yield
