"""How many weights a network may reserve while it is built as a file says that it looks like; the file may lie."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from zoo.common.errors import WeightsError


@dataclass
class Allowance:
    """What is left to be reserved."""

    values: int
    tensors: int


_left: ContextVar[Allowance | None] = ContextVar("allowance", default=None)  # of this thread or task alone


@contextmanager
def allowance(values: int, tensors: int) -> Iterator[None]:
    """Let `reserve` raise WeightsError, before memory is taken, once more than this is asked for."""
    token = _left.set(Allowance(values, tensors))
    try:
        yield
    finally:
        _left.reset(token)


def reserve(shape: Sequence[int]) -> None:
    """Count one tensor that is about to be made."""
    left = _left.get()
    if left is None:
        return
    left.values -= math.prod(shape)
    left.tensors -= 1
    if left.values < 0 or left.tensors < 0:
        raise WeightsError(f"the configuration asks for far more weights than it may, lastly for {tuple(shape)!s:.80}")
