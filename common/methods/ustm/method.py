"""What a step of USTM is: the marked pixels, and a teacher on turned images where it is sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.common.methods.contract import Moment
from zoo.common.methods.kinds import WeaklySupervised
from zoo.common.methods.teachers import Following
from zoo.common.ranges import Count, Share


@dataclass(frozen=True)
class Ustm(Following, WeaklySupervised):
    """The marked pixels, and a teacher that gives the same answer after a quarter turn, where it is sure.

    Liu et al. 2022: as uamt, for scribbles; the network sees noise, too.
    """

    kind: ClassVar[str] = "weakly-supervised"
    uses_partial: ClassVar[bool] = True

    passes: Count = 8  # noisy answers of the teacher that the uncertainty comes from
    sure: Share = 0.75  # of the largest entropy, below which a pixel counts at first

    def limit(self, moment: Moment) -> float:
        """Return the entropy below which a pixel counts, as a share of the largest."""
        return self.sure + (1 - self.sure) * self.ramp(moment)
