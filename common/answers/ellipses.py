"""The answer of a network that finds ellipses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.answers.prediction import Prediction
from zoo.common.files.names import printable
from zoo.common.findings import ELLIPSE, Finding, ellipse_ends
from zoo.common.numbers import name_and_unit, written
from zoo.common.tables import finite_or_none
from zoo.common.types import Row

if TYPE_CHECKING:
    from zoo.common.plotting.sheet import Sheet


@dataclass(frozen=True, eq=False, repr=False)
class Ellipses(Prediction):
    """At most one ellipse per class, with its score and what was measured on it."""

    classes: tuple[str, ...] = ()
    ellipses: np.ndarray = field(
        default_factory=lambda: np.zeros((0, 6))
    )  # (k, 6): class, cx, cy, a, b [px], angle_rad
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (k,) in [0, 1]
    measurements: dict[str, float] = field(default_factory=dict)  # name with unit, e.g. "hc_mm", "ctr"

    def to_dict(self) -> dict[str, object]:
        return {
            **self._head(),
            "ellipses": [
                {
                    "class": row["class"],
                    "score": row["score"],
                    "centre_px": [row["cx_px"], row["cy_px"]],
                    "semi_axes_px": [row["a_px"], row["b_px"]],
                    "angle_deg": row["angle_deg"],
                }
                for row in self._found()
            ],
            "measurements": {name: finite_or_none(value) for name, value in self.measurements.items()},
        }

    def rows(self) -> list[Row]:
        """Return one row per ellipse, or one without an ellipse when none was found."""
        found: list[Row] = self._found() or [{"class": "", "score": 0.0}]
        measurements: Row = {name: float(value) for name, value in self.measurements.items()}
        return [{"name": self.name, **row, **measurements} for row in found]

    def findings(self) -> list[Finding]:
        """Return each ellipse with its score, and what was measured on all of them."""
        found = [
            Finding(
                self.classes[int(kind)],
                {"score": float(score)},
                outline=ELLIPSE,
                places=((0, ellipse_ends(*values)),),
            )
            for (kind, *values), score in zip(self.ellipses, self.scores, strict=True)
        ]
        measured = {name: float(value) for name, value in self.measurements.items()}
        return found + ([Finding("biometry", measured)] if measured else [])

    def sheet(self) -> Sheet:
        from zoo.common.plotting import draw_ellipses

        return draw_ellipses(self)

    def _found(self) -> list[Row]:
        return [
            {
                "class": self.classes[int(kind)],
                "score": float(score),
                "cx_px": float(cx),
                "cy_px": float(cy),
                "a_px": float(a),
                "b_px": float(b),
                "angle_deg": float(np.degrees(angle)),
            }
            for (kind, cx, cy, a, b, angle), score in zip(self.ellipses, self.scores, strict=True)
        ]

    def __str__(self) -> str:
        found = [f"{printable(str(row['class']))} {row['score']:.2f}" for row in self._found()] or ["no ellipse"]
        named = [(*name_and_unit(name), value) for name, value in self.measurements.items()]
        measured = [f"{label} {written(value, unit)}" for label, unit, value in named]
        return f"{self._shown_name}: {', '.join(found + measured)}"
