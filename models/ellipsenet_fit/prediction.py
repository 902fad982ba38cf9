"""The answer of EllipseNet-Fit: ellipses, and the mask that they were fitted to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.answers.ellipses import Ellipses
from zoo.common.answers.segmentation import Segmentation, measure_classes

if TYPE_CHECKING:
    from zoo.common.plotting.sheet import Sheet

DOTS_PT = (1.0, 1.65)  # drawn, left out


@dataclass(frozen=True, eq=False, repr=False)
class FittedEllipses(Ellipses):
    """At most one ellipse per class; labels (h, w) uint8 are 0 outside, else the number of the innermost class + 1."""

    labels: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint8))

    @property
    def segmentation(self) -> Segmentation:
        """Return the mask as a prediction of its own, to be saved or drawn."""
        names = ("background", *self.classes)
        sizes = measure_classes(self.labels, names, self.image.spacing_mm)
        return Segmentation(self.image, names, self.labels, None, sizes)

    def sheet(self) -> Sheet:
        """Draw the ellipses, and dotted the borders of the mask, so that a bad fit shows."""
        from zoo.common.plotting.panel import outline

        sheet = super().sheet()
        for label in range(int(self.labels.max(initial=0))):
            outline(sheet.frames[0], self.labels > label, "white", 1, DOTS_PT)
        return sheet
