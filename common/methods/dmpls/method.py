"""What a step of DMPLS is: two decoders, and the likeliest classes of a random mixture of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from zoo.common.methods.contract import DECODER
from zoo.common.methods.kinds import WeaklySupervised
from zoo.common.ranges import NotNegative


@dataclass(frozen=True)
class DynamicallyMixedLabels(WeaklySupervised):
    """Two decoders learn from the marked pixels, and from the likeliest classes of a random mixture of their answers.

    Luo et al. 2022 (DMPLS).
    """

    companions: ClassVar[tuple[str, ...]] = (DECODER,)

    weight: NotNegative = 0.5  # of the mixture, at the end of its rise
    loss: Literal["dice", "cross-entropy"] = "dice"  # that compares with the mixture
