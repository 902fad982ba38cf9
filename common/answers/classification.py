"""The answer of a classifier."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.answers.prediction import Prediction
from zoo.common.files.names import printable
from zoo.common.findings import Finding
from zoo.common.numbers import percent
from zoo.common.types import Row

if TYPE_CHECKING:
    from zoo.common.plotting.sheet import Sheet


@dataclass(frozen=True, eq=False, repr=False)
class Classification(Prediction):
    """Probabilities of the classes; `heat_map` (h, w) in [0, 1] shows where the network looked, if known."""

    classes: tuple[str, ...] = ()
    probabilities: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (k,) sums to 1
    heat_map: np.ndarray | None = None

    @property
    def label(self) -> str:
        """Name of the most probable class."""
        return self.classes[int(np.argmax(self.probabilities))]

    @property
    def probability(self) -> float:
        """Probability of the most probable class."""
        return float(np.max(self.probabilities))

    def to_dict(self) -> dict[str, object]:
        pairs = zip(self.classes, self.probabilities, strict=True)
        return {
            **self._head(),
            "label": self.label,
            "probability": self.probability,
            "probabilities": {name: float(p) for name, p in pairs},
        }

    def rows(self) -> list[Row]:
        pairs = zip(self.classes, self.probabilities, strict=True)
        probabilities: Row = {f"p_{name}": float(p) for name, p in pairs}
        return [{"name": self.name, "label": self.label, "probability": self.probability, **probabilities}]

    def findings(self) -> list[Finding]:
        """Return each class with its probability."""
        pairs = zip(self.classes, self.probabilities, strict=True)
        return [Finding(name, {"probability": float(p)}) for name, p in pairs]

    def sheet(self) -> Sheet:
        from zoo.common.plotting import draw_classification

        return draw_classification(self)

    def __str__(self) -> str:
        return f"{self._shown_name}: {printable(self.label)} {percent(self.probability)}"
