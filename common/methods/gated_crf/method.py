"""What a step of the gated CRF is: the marked pixels, and equal classes for neighbours that look alike."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.methods.kinds import WeaklySupervised
from zoo.common.ranges import Count, NotNegative, Positive


@dataclass(frozen=True)
class GatedCrf(WeaklySupervised):
    """The marked pixels, and one class for neighbours that are near and look alike.

    Obukhov et al. 2019: a dense conditional random field within a square, slice by slice in volumes. Deviations of
    intensities are multiples of those of the batch.
    """

    radius: Count = 5  # half the side of the square of neighbours [px]
    near_px: tuple[Positive, Positive] = (5.0, 3.0)  # deviations of the places of both kernels
    alike: Positive = 0.1  # deviation of the intensities of the first kernel
    weights: tuple[NotNegative, NotNegative] = (1.0, 1.0)  # of both kernels

    def kernels(self, spread: float) -> list[tuple[float, float, float]]:
        """List weight, deviation of places and deviation of intensities, 0 for none."""
        first, second = zip(self.weights, self.near_px, strict=True)
        return [(*first, self.alike * spread), (*second, 0.0)]
