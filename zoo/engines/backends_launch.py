"""Which of several processes this one is, where a launcher started it for a training on several devices."""

from __future__ import annotations

import os
from typing import NamedTuple

# what torchrun and msrun alone set; schedulers set the other names for other ends
MARKS = {"TORCHELASTIC_RUN_ID": "torchrun", "MS_ROLE": "msrun"}
SCHEDULER = -1  # the rank of the process by which those of msrun find each other; it runs the same program
FRAMEWORKS = {"torchrun": "torch", "msrun": "mindspore"}
NAMES = {"torchrun": ("RANK", "LOCAL_RANK", "WORLD_SIZE"), "msrun": ("RANK_ID", "DEVICE_ID", "MS_WORKER_NUM")}


class Place(NamedTuple):
    """This process among all, and among those of its machine, from 0; how many there are, and who started them."""

    rank: int
    local_rank: int
    world: int
    launcher: str = ""

    @property
    def framework(self) -> str:
        """The framework whose launcher it is."""
        return FRAMEWORKS.get(self.launcher, "")


def place() -> Place:
    """Return the place that a launcher gave this process; the only one of one where none started it."""
    launcher = next((name for mark, name in MARKS.items() if mark in os.environ), "")
    if not launcher:
        return Place(0, 0, 1)
    rank, local_rank, world = (int(os.environ.get(name, 0)) for name in NAMES[launcher])
    is_scheduler = os.environ.get("MS_ROLE") == "MS_SCHED" and launcher == "msrun"
    return Place(SCHEDULER if is_scheduler else rank, local_rank, max(1, world), launcher)
