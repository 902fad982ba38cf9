"""What a step of co-teaching is: two networks, each on the pixels that cost the other one least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.common.methods.contract import NETWORK, Moment
from zoo.common.methods.kinds import NoisyLabels
from zoo.common.methods.selection import kept_share
from zoo.common.ranges import Share, ShareBelowOne


@dataclass(frozen=True)
class CoTeaching(NoisyLabels):
    """Two networks, each of which learns from the pixels that cost the other one least.

    Han et al. 2018, by pixels; all of them at first, in the end all but the share that is taken to be wrong. The better
    network by validation is shipped.
    """

    companions: ClassVar[tuple[str, ...]] = (NETWORK,)
    takes_loss: ClassVar[bool] = False  # what a pixel costs is its cross-entropy

    noise_share: ShareBelowOne = 0.2  # of the pixels, which are taken to be wrong
    rise: tuple[Share, Share] = (0.0, 0.8)  # shares of the run between which that share is reached

    def kept(self, moment: Moment) -> float:
        """Return the share of the pixels that is believed."""
        return kept_share(moment.share, self.noise_share, self.rise)
