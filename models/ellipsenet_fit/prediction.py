"""The answer of EllipseNet-Fit: ellipses, and the mask that they were fitted to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from zoo.common.predictions import Ellipses
from zoo.common.segmentation import Segmentation, measure_classes


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
