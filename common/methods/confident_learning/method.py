"""What a step of confident learning is: plain at first, then labels that a judge doubts are softened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.common.methods.contract import Moment
from zoo.common.methods.kinds import NoisyLabels
from zoo.common.ranges import Share


@dataclass(frozen=True)
class ConfidentLearning(NoisyLabels):
    """The network as it is half-way judges the labels; those that it doubts are softened for the rest of the run.

    Zhang et al. 2020 (spatial label smoothing) on the confident joint of Northcutt et al. 2021, which is estimated
    batch by batch instead of once over all images, and without starting the network anew. A chosen loss, and weights of
    classes, are those of the first half; softened labels are compared by cross-entropy.
    """

    has_teacher: ClassVar[bool] = True

    begin: Share = 0.5  # share of the run after which the judge stays as it is, and its doubts count
    smoothing: Share = 0.25  # by which a doubted label is softened

    def teacher_decay(self, moment: Moment) -> float:
        """Follow exactly until the judge is needed, then stand still."""
        return 1.0 if self.judges(moment) else 0.0

    def judges(self, moment: Moment) -> bool:
        """Tell whether doubts count."""
        return moment.share >= self.begin
