"""The parts of a training step: which weights move together, by which loss."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zoo.common.errors import TrainingError


@dataclass(frozen=True)
class Phase:
    """One part of a training step: its objective is computed anew, and moves its own weights alone.

    An adversarial pair has two. Each has its own gradient, clipped by itself, and its own state of the optimiser.
    """

    name: str = ""  # what objective() is told
    trains: tuple[str, ...] = ("",)  # prefixes of its weights; "" is all of them


ALL = (Phase(),)


def share_out(names: Iterable[str], phases: tuple[Phase, ...]) -> list[list[str]]:
    """List the weights of each phase; TrainingError where one is in none or in several."""
    shares: list[list[str]] = [[] for _ in phases]
    for name in names:
        owners = [i for i, phase in enumerate(phases) if name.startswith(phase.trains)]
        if len(owners) != 1:
            given = ", ".join(phases[i].name for i in owners) or "no phase"
            raise TrainingError(f"{name}: trained by {given}; expected one phase. Correct `trains`, or freeze it")
        shares[owners[0]].append(name)
    return shares
