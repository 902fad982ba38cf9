"""What a step of total variation is: the marked pixels, and short borders."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.methods.kinds import WeaklySupervised


@dataclass(frozen=True)
class TotalVariation(WeaklySupervised):
    """The marked pixels, and answers with short, smooth borders, each class by itself.

    Luo et al. 2022 (WORD): the contour that a morphological opening leaves, in 3 x 3 (x 3) pixels.
    """
