"""What a model answers: one class per task, NumPy inside, ready to print, save and plot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from zoo.common.types import Image


@dataclass(frozen=True, eq=False)
class Prediction(ABC):
    """The answer for one image, in the image's own frame."""

    image: Image
    suffix: ClassVar[str] = ".json"  # file type that save() writes when the path has none

    @abstractmethod
    def to_dict(self) -> dict[str, object]:
        """Return plain Python values, ready for JSON."""


@dataclass(frozen=True, eq=False)
class Classification(Prediction):
    """Probabilities of the classes; `heat_map` (h, w) in [0, 1] shows where the network looked, if known."""

    classes: tuple[str, ...] = ()
    probabilities: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (k,) sums to 1
    heat_map: np.ndarray | None = None

    def to_dict(self) -> dict[str, object]:
        return {"name": self.image.name}


@dataclass(frozen=True, eq=False)
class Ellipses(Prediction):
    """At most one ellipse per class, with its score and what was measured on it."""

    classes: tuple[str, ...] = ()
    ellipses: np.ndarray = field(default_factory=lambda: np.zeros((0, 6)))  # (k, 6): class, cx, cy, a, b [px], angle_rad
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (k,) in [0, 1]
    measurements: dict[str, float] = field(default_factory=dict)  # name with unit, e.g. "hc_mm", "ctr"

    def to_dict(self) -> dict[str, object]:
        return {"name": self.image.name}
