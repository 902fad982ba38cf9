"""The answer of a network of slices for a series: every slice, and one summary of the most suspicious ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.answers.classification import Classification
from zoo.common.answers.segmentation import MASKS
from zoo.common.errors import ConfigError
from zoo.common.findings import POLYLINE, Finding, rectangle
from zoo.common.io import file_suffix
from zoo.common.types import Row

if TYPE_CHECKING:
    from zoo.common.plotting.sheet import Sheet

SUMMARY = "summary"


@dataclass(frozen=True, eq=False, repr=False)
class SliceSeries(Classification):
    """A classification of a series; `probabilities` are the means over its most suspicious slices.

    indices: (n,) of the slices that were looked at, in order. slices: (n, k) their probabilities.
    top: indices of the slices in the summary, the most suspicious first. best: their answers, by index.
    mask: (d, h, w) bool of a localiser, in which `shown` is marked, with boxes per slice (z, x1, y1, x2, y2, score).
    prepared: what was done to each slice, as far as not to all, such as the area of its lungs.
    """

    indices: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    slices: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    top: tuple[int, ...] = ()
    best: Mapping[int, Classification] = field(default_factory=dict)
    shown: str = ""
    mask: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0), bool))
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 6)))
    prepared: tuple[Mapping[str, float | str], ...] = ()

    @property
    def rule(self) -> str:
        """How the summary came about, in words."""
        return f"mean of the {len(self.top)} most suspicious of {len(self.indices)} slices"

    @property
    def suffix(self) -> str:
        return ".nii.gz" if self.mask.size else ".json"

    @property
    def segments(self) -> tuple[np.ndarray, tuple[str, ...]] | None:
        return (self.mask.astype(np.uint8), ("background", self.shown)) if self.mask.size else None

    def to_dict(self) -> dict[str, object]:
        slices = [
            {"slice": int(i), **{name: float(p) for name, p in zip(self.classes, row, strict=True)}, **told}
            for i, row, told in zip(self.indices, self.slices, self.prepared or [{}] * len(self.indices), strict=True)
        ]
        boxes = [{"slice": int(z), "box_px": list(map(float, box)), "score": float(s)} for z, *box, s in self.boxes]
        found = {"shown": self.shown, "boxes": boxes} if self.mask.size else {}
        return {**super().to_dict(), "rule": self.rule, "top_slices": list(self.top), "slices": slices, **found}

    def rows(self) -> list[Row]:
        """Return the row of the summary, then one per slice."""
        (summary,) = super().rows()
        rows: list[Row] = [{**summary, "slice": SUMMARY}]
        for i, probabilities in zip(self.indices, self.slices, strict=True):
            named = int(probabilities.argmax())
            row: Row = {"name": self.name, "label": self.classes[named], "probability": float(probabilities[named])}
            row |= {f"p_{name}": float(p) for name, p in zip(self.classes, probabilities, strict=True)}
            rows.append({**row, "slice": float(i)})
        return rows

    def findings(self) -> list[Finding]:
        """Return the summary, the size of what is marked, and its boxes."""
        if not self.mask.size:
            return super().findings()
        spacing, count = self.image.spacing_mm, float(self.mask.sum())
        size = {"size_px": count} if spacing is None else {"size_ml": count * float(np.prod(spacing)) / 1000}
        boxes = [
            Finding(self.shown, {"score": float(score)}, outline=POLYLINE, places=((int(z), rectangle(*box)),))
            for z, *box, score in self.boxes
        ]
        return [*super().findings(), Finding(self.shown, size, 1), *boxes]

    def save(self, path: str | Path) -> Path:
        """Write the mask of a localiser (volume formats), JSON, CSV or an overlay, as the suffix says."""
        path = self._with_suffix(path, self.suffix)
        suffix, segments = file_suffix(path), self.segments
        if suffix not in MASKS or segments is None:
            return super().save(path)
        if suffix == ".dcm":
            return self.save_segmentation(path)
        if suffix == ".png":
            raise ConfigError(f"{path}: a .png cannot hold a volume; expected .nii.gz, .mha or .nrrd, or use plot()")
        from zoo.common.io.write import write_labels

        labels, classes = segments
        return self._write(path, lambda staged: write_labels(staged, labels, self.image, classes))

    def sheet(self) -> Sheet:
        """Draw the most suspicious slice."""
        return self.best[self.top[0]].sheet()

    def __str__(self) -> str:
        return f"{super().__str__()} ({self.rule}: {', '.join(map(str, self.top))})"
