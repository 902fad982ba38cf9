"""The answer of a network that finds cells: points with a class, their counts, an index and a density."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.answers.prediction import Prediction
from zoo.common.findings import POINT, Finding
from zoo.common.types import Row

if TYPE_CHECKING:
    from zoo.common.plotting.sheet import Sheet

CONFIDENCE = 0.95
COLOURS = ((53, 144, 255), (255, 140, 0), (255, 95, 162), (126, 231, 135))  # in QuPath, one per class in turn
NONE: Row = {"class": "", "score": 0.0}  # row of an image without a cell


@dataclass(frozen=True, eq=False, repr=False)
class Points(Prediction):
    """Cells as points; (0, 0) is the centre of the first pixel.

    candidates: (n, 4) class, x, y [px], score in [0, 1], the highest score first; also what is below the threshold.
    index_class: the class whose share of all cells is the index, called `index_name`; "" for none.
    """

    classes: tuple[str, ...] = ()
    candidates: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    threshold: float = 0.0
    index_class: str = ""
    index_name: str = "index"

    @property
    def points(self) -> np.ndarray:
        """(k, 3) class, x, y [px] of the cells: the candidates with a score from the threshold on."""
        return self.candidates[self.candidates[:, 3] >= self.threshold][:, :3]

    @property
    def scores(self) -> np.ndarray:
        """(k,) in [0, 1], one per point."""
        return self.candidates[self.candidates[:, 3] >= self.threshold][:, 3]

    @property
    def counts(self) -> dict[str, int]:
        """Number of cells of each class."""
        numbers = np.bincount(self.points[:, 0].astype(int), minlength=len(self.classes))
        return {name: int(n) for name, n in zip(self.classes, numbers, strict=True)}

    @property
    def index(self) -> tuple[float, float, float] | None:
        """Share of the index class among all cells, with its 95 % interval (Wilson); None without any cell.

        The interval is that of chance in which cells were counted, not of cells missed or mistaken.
        """
        from scipy.stats import binomtest  # half of the time that `zoo serve` needs to start

        total = len(self.points)
        if not total or self.index_class not in self.classes:
            return None
        count = self.counts[self.index_class]
        interval = binomtest(count, total).proportion_ci(CONFIDENCE, method="wilson")
        return count / total, float(interval.low), float(interval.high)

    @property
    def per_mm2(self) -> dict[str, float] | None:
        """Cells of each class per square millimetre; None while the size of a pixel is unknown."""
        if self.image.spacing_mm is None:
            return None
        area = float(np.prod(self.image.size) * np.prod(self.image.spacing_mm))
        return {name: count / area for name, count in self.counts.items()}

    def to_dict(self) -> dict[str, object]:
        index = self.index
        interval = None if index is None else dict(zip(("value", "low", "high"), index, strict=True))
        return {
            **self._head(),
            "counts": self.counts,
            "index": None if interval is None else {"name": self.index_name, "class": self.index_class, **interval},
            "per_mm2": self.per_mm2,
            "threshold": float(self.threshold),
            "points": self._found(),
        }

    def rows(self) -> list[Row]:
        """Return one row per cell, or one without a cell when none was found."""
        return [{"name": self.image.name, **row} for row in self._found() or [NONE]]

    def findings(self) -> list[Finding]:
        """Return the number of each class, the index, and each cell with its score."""
        counts = [Finding(name, {"count": float(count)}) for name, count in self.counts.items()]
        index = [] if self.index is None else [Finding(self.index_name, {"share": self.index[0]})]
        cells = [
            Finding(self.classes[int(kind)], {"score": float(score)}, outline=POINT, places=((0, np.array([[x, y]])),))
            for (kind, x, y), score in zip(self.points, self.scores, strict=True)
        ]
        return [*counts, *index, *cells]

    def to_geojson(self) -> dict[str, object]:
        """Return the cells as QuPath imports them: one detection each, pixels counted from the corner of the first."""
        features = []
        for row, kind in zip(self._found(), self.points[:, 0].astype(int), strict=True):
            place = [float(row["x_px"]) + 0.5, float(row["y_px"]) + 0.5]
            name = {"name": str(row["class"]), "color": list(COLOURS[kind % len(COLOURS)])}
            properties = {
                "objectType": "detection",
                "classification": name,
                "measurements": {"score": row["score"]},
            }
            geometry = {"type": "Point", "coordinates": place}
            features.append({"type": "Feature", "geometry": geometry, "properties": properties})
        return {"type": "FeatureCollection", "features": features}

    def save(self, path: str | Path) -> Path:
        """Write GeoJSON, JSON, CSV or an overlay, as the suffix says; return where."""
        path = Path(path)
        if path.suffix.lower() != ".geojson":
            return super().save(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.to_geojson(), allow_nan=False) + "\n", encoding="utf-8")
        return path

    def sheet(self) -> Sheet:
        from zoo.common.plotting.points import draw_points

        return draw_points(self)

    def _found(self) -> list[Row]:
        return [
            {"class": self.classes[int(kind)], "x_px": float(x), "y_px": float(y), "score": float(score)}
            for (kind, x, y), score in zip(self.points, self.scores, strict=True)
        ]

    def __str__(self) -> str:
        found = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        index = self.index
        return f"{self.image.name}: {found}" + (
            "" if index is None else f", {self.index_name} {index[0]:.1%} ({index[1]:.1%} to {index[2]:.1%})"
        )
