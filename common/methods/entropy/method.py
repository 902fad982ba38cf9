"""What a step of entropy on scribbles is: the marked pixels, and the entropy of all answers."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.methods.kinds import WeaklySupervised


@dataclass(frozen=True)
class Entropy(WeaklySupervised):
    """The marked pixels, and answers that are sure of themselves everywhere.

    Grandvalet & Bengio 2005: the mean entropy of the softmax over all pixels, as a share of the largest.
    """
