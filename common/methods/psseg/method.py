"""What a step of PSSEG is: three decoders, their mean where it is sure, and classes that do not resemble each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.common.methods.contract import DECODER
from zoo.common.methods.kinds import WeaklySupervised
from zoo.common.ranges import NotNegative


@dataclass(frozen=True)
class PseudoLabelEnsemble(WeaklySupervised):
    """Three decoders learn from the marked pixels and from their mean, the more the surer it is.

    PSSEG: beside that, the maps of each class have to resemble those of the other decoders, and no other class's. The
    resemblance of embeddings within the decoders is left out.
    """

    companions: ClassVar[tuple[str, ...]] = (DECODER, DECODER)

    weight: NotNegative = 8.0  # of the distance from the mean, at the end of its rise
    affinity: NotNegative = 0.1  # of the resemblance of classes, at the end of its rise
