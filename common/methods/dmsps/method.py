"""What a step of DMSPS is: two decoders, and a random soft mixture of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from zoo.common.methods.contract import DECODER
from zoo.common.methods.kinds import WeaklySupervised
from zoo.common.ranges import NotNegative


@dataclass(frozen=True)
class DynamicallyMixedSoftLabels(WeaklySupervised):
    """Two decoders learn from the marked pixels, and from a random mixture of their probabilities.

    Han et al. 2024 (DMSPS): as dmpls with soft targets. Its second stage grows the scribbles: `zoo expand`.
    """

    companions: ClassVar[tuple[str, ...]] = (DECODER,)

    weight: NotNegative = 8.0  # of the mixture, at the end of its rise
    loss: Literal["dice", "cross-entropy"] = "cross-entropy"  # that compares with the mixture
