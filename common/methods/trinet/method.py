"""What a step of TriNet is: three networks, each on the pixels that cost both others little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.common.methods.contract import NETWORK, Moment
from zoo.common.methods.kinds import NoisyLabels
from zoo.common.methods.selection import kept_share
from zoo.common.ranges import Share, ShareBelowOne


@dataclass(frozen=True)
class TriNet(NoisyLabels):
    """Three networks, each of which learns from the pixels that cost both others little.

    Zhang et al. 2020. The best network by validation is shipped.
    """

    companions: ClassVar[tuple[str, ...]] = (NETWORK, NETWORK)
    takes_loss: ClassVar[bool] = False  # what a pixel costs is its cross-entropy

    noise_share: ShareBelowOne = 0.2  # of the pixels, which are taken to be wrong
    rise: tuple[Share, Share] = (0.0, 0.8)  # shares of the run between which that share is reached

    def kept(self, moment: Moment) -> float:
        """Return the share of the pixels that each network believes; it falls in a straight line."""
        return kept_share(moment.share, self.noise_share, self.rise, is_linear=True)
