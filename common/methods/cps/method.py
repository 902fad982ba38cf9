"""What a step of cross pseudo supervision is: two networks, each with the other's hard answers as masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.common.methods.contract import NETWORK
from zoo.common.methods.kinds import SemiSupervised


@dataclass(frozen=True)
class CrossPseudoSupervision(SemiSupervised):
    """Two networks with different first weights: the likeliest classes of each are masks for the other.

    Chen et al. 2021: the entry's own loss, on images without a mask. The better one by validation is shipped.
    """

    companions: ClassVar[tuple[str, ...]] = (NETWORK,)
