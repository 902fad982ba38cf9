"""What a step of partial cross-entropy is: the baseline of learning from scribbles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.common.methods.contract import Method


@dataclass(frozen=True)
class PartialCrossEntropy(Method):
    """The cross-entropy of the pixels that somebody marked; the others (255) say nothing. The baseline of its kind."""

    kind: ClassVar[str] = "weakly-supervised"
    takes_loss: ClassVar[bool] = False
    uses_partial: ClassVar[bool] = True
