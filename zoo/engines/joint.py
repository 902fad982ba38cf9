"""What one process tells the others in a training on several devices, in NumPy; see joint_torch and joint_mindspore."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple, Self

import numpy as np

from zoo.common.errors import BackendError, TrainingError
from zoo.common.types import Arrays

TOGETHER = ContextVar("TOGETHER", default=False)  # a process group that a user made for other ends does not count
State = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]  # weights, optimiser and average


class Order(NamedTuple):
    """One step, as the first process tells it to the others; state: to start from, where it changed otherwise."""

    inputs: Arrays
    targets: Arrays
    learning_rate: float
    seed: int
    rows: tuple[int, ...]  # of each process; none where the batch has fewer than one for each
    state: State | None


def rows_of(count: int, world: int) -> tuple[int, ...]:
    """Share so many rows out; none where there are fewer than processes."""
    return tuple(len(part) for part in np.array_split(np.arange(count), world)) if count >= world else ()


def part_of(inputs: Arrays, rows: tuple[int, ...], rank: int) -> dict[str, np.ndarray]:
    """Return the rows of one process; all of them where they are not shared out."""
    if not rows:
        return dict(inputs)
    start = sum(rows[:rank])
    return {name: np.ascontiguousarray(value[start : start + rows[rank]]) for name, value in inputs.items()}


class Member:
    """What the part of a process in a training on several devices is, whichever framework joins them."""

    rank: int
    world: int

    def __init__(self) -> None:
        self.is_stale = True  # weights or optimiser changed other than by steps, or nobody else has them yet
        self.rows: tuple[int, ...] = ()

    @classmethod
    def of_process(cls) -> Self | None:
        """Return the part of this process; None where it trains alone."""
        return cls() if TOGETHER.get() else None

    def seed(self, seed: int) -> int:
        """Return a seed of this process alone: the rows of a batch are not to lose the same units."""
        return seed if self.rank == 0 else int(np.random.SeedSequence([seed, self.rank]).generate_state(1)[0])


def check_equal(own: Arrays, leader: Arrays, rank: int) -> None:
    """Raise TrainingError where the weights of two processes have come apart."""
    apart = [name for name, value in leader.items() if not np.array_equal(own[name], value, equal_nan=True)]
    if apart:
        raise TrainingError(
            f"process {rank}: {len(apart)} weights, such as {apart[0]}, differ from those of the first one; expected "
            "the same in all. Use equal machines and versions"
        )


def check_joint(has_objective: bool, has_companions: bool) -> None:
    """Raise BackendError for what can only be trained in one process."""
    if has_objective or has_companions:
        what = "a loss that needs the network itself" if has_objective else "a method with further networks"
        raise BackendError(f"{what} given, on several devices; expected one process. Train without torchrun and msrun")
