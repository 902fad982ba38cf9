"""What a step of MC-Net is: decoders of different make, each with the sharpened answers of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.common.methods.contract import BILINEAR, NEAREST
from zoo.common.methods.kinds import SemiSupervised
from zoo.common.ranges import Positive


@dataclass(frozen=True)
class MutualConsistency(SemiSupervised):
    """Decoders that double their grids in different ways have to agree with the sharpened answers of the others.

    Wu et al. 2022 (MC-Net+): transposed convolutions, linear and nearest enlargement; on all images.
    """

    companions: ClassVar[tuple[str, ...]] = (BILINEAR, NEAREST)

    temperature: Positive = 0.1  # the smaller, the sharper
