"""Which of several processes this one is, where a launcher started it for a training on several devices."""

from __future__ import annotations

import os
from typing import NamedTuple

MARK = "TORCHELASTIC_RUN_ID"  # torchrun's alone; schedulers set the names below for other ends


class Place(NamedTuple):
    """This process among all, and among those of its machine, from 0; how many there are."""

    rank: int
    local_rank: int
    world: int


def place() -> Place:
    """Return the place that torchrun gave this process; the only one of one where it was not started by torchrun."""
    if MARK not in os.environ:
        return Place(0, 0, 1)
    return Place(*(int(os.environ[name]) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE")))
