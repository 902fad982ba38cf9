"""What a model answers: one class per task, NumPy inside, ready to print, save and plot."""

from __future__ import annotations

import io
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.errors import ConfigError
from zoo.common.tables import finite_or_none, write_csv
from zoo.common.types import Image, Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image as Picture

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".pdf", ".svg")


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(ABC):
    """The answer for one image, in the image's own frame."""

    image: Image

    @property
    def suffix(self) -> str:
        """File type that save() writes when the path has none."""
        return ".json"

    @abstractmethod
    def to_dict(self) -> dict[str, object]:
        """Return plain Python values, ready for JSON."""

    @abstractmethod
    def rows(self) -> list[Row]:
        """Return one flat row per finding, ready for a CSV."""

    @abstractmethod
    def figure(self) -> Figure:
        """Draw the prediction over the image."""

    def save(self, path: str | Path) -> Path:
        """Write JSON, CSV or an overlay, as the suffix says; return where."""
        path = Path(path)
        path = path if path.suffix else path.with_suffix(self.suffix)
        suffix = path.suffix.lower()
        if suffix not in (".json", ".csv", *PICTURE_SUFFIXES):
            raise ConfigError(f"{path}: suffix {path.suffix!r} given; expected .json, .csv or {PICTURE_SUFFIXES}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix == ".json":
            path.write_text(json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
        elif suffix == ".csv":
            write_csv(path, self.rows())
        else:
            self.draw(path)
        return path

    def draw(self, path: str | Path) -> Path:
        """Write the overlay as a picture; return where."""
        path = Path(path)
        path = path if path.suffix else path.with_suffix(".png")
        if path.suffix.lower() not in PICTURE_SUFFIXES:
            raise ConfigError(f"{path}: suffix {path.suffix!r} given; expected one of {', '.join(PICTURE_SUFFIXES)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.figure().savefig(path)
        return path

    def plot(self, path: str | Path | None = None) -> Picture:
        """Return the overlay as a Pillow picture; also write it when a path is given."""
        from PIL import Image as Pillow

        if path is not None:
            self.draw(path)
        return Pillow.open(io.BytesIO(self._repr_png_()))

    def _repr_png_(self) -> bytes:
        """Show the overlay in notebooks."""
        buffer = io.BytesIO()
        self.figure().savefig(buffer, format="png")
        return buffer.getvalue()

    def _head(self) -> dict[str, object]:
        spacing = self.image.spacing_mm
        return {
            "name": self.image.name,
            "size": [int(n) for n in self.image.size],
            "spacing_mm": None if spacing is None else [float(s) for s in spacing],
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


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
        return [{"name": self.image.name, "label": self.label, "probability": self.probability, **probabilities}]

    def figure(self) -> Figure:
        from zoo.common.plotting import draw_classification

        return draw_classification(self)

    def __str__(self) -> str:
        return f"{self.image.name}: {self.label} {self.probability:.1%}"


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
        return [{"name": self.image.name, **row, **measurements} for row in found]

    def figure(self) -> Figure:
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
        found = [f"{row['class']} {row['score']:.2f}" for row in self._found()] or ["no ellipse"]
        measured = [f"{name} {value:.4g}" for name, value in self.measurements.items()]
        return f"{self.image.name}: {', '.join(found + measured)}"
