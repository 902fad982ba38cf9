"""What a step of entropy minimisation is: the supervised loss, and the entropy of all answers."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.methods.kinds import SemiSupervised


@dataclass(frozen=True)
class EntropyMinimisation(SemiSupervised):
    """The answers for all images have to be sure of themselves, those without a mask among them.

    Grandvalet & Bengio 2005: the mean entropy of the softmax over all pixels of the batch, as a share of the largest.
    """
