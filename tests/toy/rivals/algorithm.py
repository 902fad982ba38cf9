"""The spot finder with two phases, of which one is shipped."""

from __future__ import annotations

from zoo.common.phases import Phase

from ..spots.algorithm import SpotFinder

FINDER = ("body.", "norm.", "place.", "presence.")


class Rivals(SpotFinder):
    """Find spots; a critic learns to tell outlines from true ones, and is not shipped."""

    @property
    def phases(self) -> tuple[Phase, ...]:
        return Phase("critic", ("judge.",)), Phase("finder", FINDER)

    @property
    def ships(self) -> tuple[str, ...]:
        return FINDER
