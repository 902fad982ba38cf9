"""The answer of the toy: a class and a mask in one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from zoo.common.answers.prediction import Prediction
from zoo.common.types import Row


@dataclass(frozen=True, eq=False, repr=False)
class Spots(Prediction):
    """How probable a spot is, and where it is: mask (h, w) bool."""

    probability: float = 0.0
    mask: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool))

    def to_dict(self) -> dict[str, object]:
        return {**self._head(), "probability": self.probability, "pixels": int(self.mask.sum())}

    def rows(self) -> list[Row]:
        """Return one row."""
        return [{"name": self.image.name, "probability": self.probability, "pixels": float(self.mask.sum())}]

    def figure(self) -> Figure:
        figure = Figure()
        figure.subplots().imshow(self.mask)
        return figure

    def __str__(self) -> str:
        return f"{self.image.name}: spot {self.probability:.1%}"
