"""What supervised training is: nothing beside the entry's own loss."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.methods.contract import Method


@dataclass(frozen=True)
class Supervised(Method):
    """Every training image has a whole mask, and the entry's own loss is all there is; what `train` does by itself."""
