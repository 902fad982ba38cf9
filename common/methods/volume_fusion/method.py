"""What a step of volume fusion is: images with blocks of another one, and how much of it is where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ConfigError
from zoo.common.methods.kinds import SelfSupervised
from zoo.common.ranges import Count

if TYPE_CHECKING:
    from zoo.common.algorithm import Algorithm


@dataclass(frozen=True)
class VolumeFusion(SelfSupervised):
    """The network tells how much of another image of the batch was mixed into each pixel, as if these were classes.

    Wang et al. 2023. The levels may be as many as the entry has classes besides the background.
    """

    blocks: Count = 12  # that are mixed into each image
    levels: Count = 1  # of mixing; load the entry with more classes for more levels

    def check(self, algorithm: Algorithm[Any], entry: str) -> None:
        """Raise ConfigError where the entry has fewer classes than there are levels."""
        super().check(algorithm, entry)
        if self.levels >= (count := len(algorithm.config.classes)):
            raise ConfigError(
                f"levels={self.levels}: {entry} tells {count} classes apart; expected at most {count - 1}. Load it "
                "with more classes, or give fewer levels"
            )
