"""What a step of URPC is: deep supervision, and scales that agree where they are close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.common.methods.contract import SCALES
from zoo.common.methods.kinds import SemiSupervised


@dataclass(frozen=True)
class PyramidConsistency(SemiSupervised):
    """The answers from several scales of the decoder have to agree, less where they are far apart.

    Luo et al. 2021 (URPC): deep supervision where there are masks, the distance from the mean of the scales where there
    are none.
    """

    companions: ClassVar[tuple[str, ...]] = (SCALES,)
