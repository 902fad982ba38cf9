"""What a step of the Mumford-Shah functional is: the marked pixels, and regions of even intensity."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.methods.kinds import WeaklySupervised
from zoo.common.ranges import NotNegative


@dataclass(frozen=True)
class MumfordShah(WeaklySupervised):
    """The marked pixels, and regions of even intensity in the image with short borders.

    Kim & Ye 2020: the squared distance from the mean intensity of each class, and the length of the borders.
    """

    smooth: NotNegative = 1.0  # weight of the borders beside the evenness
    squared: bool = False  # measure borders by squared steps instead of absolute ones
