"""What a step of the uncertainty-aware mean teacher is: the mean teacher, where many noisy answers of it agree."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.methods.contract import Moment
from zoo.common.methods.teachers import Taught
from zoo.common.ranges import Count, Share


@dataclass(frozen=True)
class UncertaintyAwareMeanTeacher(Taught):
    """As mean-teacher, but only where the teacher is sure: pixels whose entropy over noisy answers is small.

    Yu et al. 2019: the limit rises from 0.75 to 1 of the largest entropy.
    """

    passes: Count = 8  # noisy answers of the teacher that the uncertainty comes from
    sure: Share = 0.75  # of the largest entropy, below which a pixel counts at first

    def limit(self, moment: Moment) -> float:
        """Return the entropy below which a pixel counts, as a share of the largest."""
        return self.sure + (1 - self.sure) * self.ramp(moment)
