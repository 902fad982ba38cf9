"""The answer of a weakly supervised localiser: a class, a map that shows where, and boxes and a mask cut from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from zoo.common.answers.classification import Classification
from zoo.common.boxes import boxes_of_labels
from zoo.common.files.names import printable
from zoo.common.findings import POLYLINE, Finding, rectangle
from zoo.common.io import file_suffix
from zoo.common.types import Row

if TYPE_CHECKING:
    from zoo.common.plotting.sheet import Sheet

MASKS = (".png", ".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".dcm")


@dataclass(frozen=True, eq=False, repr=False)
class Localisation(Classification):
    """A classification whose `heat_map` (h, w) in [0, 1] shows where `shown` is.

    boxes: (k, 4) x1, y1, x2, y2 [px], x2 and y2 one past the last pixel, by falling score.
    scores: (k,) largest value of the map in the box. mask: (h, w) bool. Both are empty where nothing was found.
    """

    shown: str = ""
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0))
    mask: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool))

    @property
    def labels(self) -> np.ndarray:
        """The mask, under the name that it has in a segmentation."""
        return self.mask

    @property
    def segments(self) -> tuple[np.ndarray, tuple[str, ...]]:
        return self.mask.astype(np.uint8), ("background", self.shown)

    def findings(self) -> list[Finding]:
        """Return the probabilities of the classes, the mask, and the boxes."""
        spacing, count = self.image.spacing_mm, float(self.mask.sum())
        unit, size = ("px", 1.0) if spacing is None else ("mm2", float(np.prod(spacing)))
        places = [
            Finding(self.shown, {"score": float(score)}, outline=POLYLINE, places=((0, rectangle(*box)),))
            for box, score in zip(self.boxes, self.scores, strict=True)
        ]
        return [*super().findings(), Finding(self.shown, {f"size_{unit}": count * size}, 1), *places]

    @property
    def suffix(self) -> str:
        return ".png"

    def to_dict(self) -> dict[str, object]:
        boxes = [
            {"box_px": [float(v) for v in box], "score": float(score)}
            for box, score in zip(self.boxes, self.scores, strict=True)
        ]
        share = float(self.mask.mean()) if self.mask.size else 0.0
        return {**super().to_dict(), "shown": self.shown, "boxes": boxes, "mask_share": share}

    def rows(self) -> list[Row]:
        """Return one row per box, or one without a box when there is none."""
        (classified,) = super().rows()
        found: list[Row] = [
            dict(zip(("x1_px", "y1_px", "x2_px", "y2_px", "score"), map(float, (*box, score)), strict=True))
            for box, score in zip(self.boxes, self.scores, strict=True)
        ]
        return [{**classified, "shown": self.shown, **row} for row in found or [{"score": 0.0}]]

    def save(self, path: str | Path) -> Path:
        """Write the mask (.png and volume formats), the map (.npy), JSON, CSV or an overlay, as the suffix says."""
        path = self._with_suffix(path, self.suffix)
        suffix = file_suffix(path)
        if suffix == ".dcm":
            return self.save_segmentation(path)
        if suffix not in (*MASKS, ".npy"):
            return super().save(path)
        from zoo.common.io.write import write_labels, write_map

        if suffix == ".npy" and self.heat_map is not None:
            heat_map = self.heat_map
            return self._write(path, lambda staged: write_map(staged, heat_map, self.image))
        classes = ("background", self.shown)
        return self._write(path, lambda staged: write_labels(staged, self.labels.astype(np.uint8), self.image, classes))

    def sheet(self) -> Sheet:
        from zoo.common.plotting.localisation import draw_localisation

        return draw_localisation(self)

    def __str__(self) -> str:
        places = f"{len(self.boxes)} region{'s' * (len(self.boxes) != 1)}"
        return f"{super().__str__()}, {places} of {printable(self.shown)}"


def regions_of_map(
    heat_map: np.ndarray, threshold: float, smallest_px: int = 1, largest_only: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut a map (h, w) in [0, 1] at a share of its maximum; return mask (h, w), boxes (k, 4), scores (k,).

    The map is cut to 8 bits and kept where it exceeds int(threshold * max), as TS-CAM does (Gao et al. 2021); regions
    connect over corners. The score of a box is the largest value in its region; the best comes first.
    largest_only: keep the region with the largest area, holes filled. A map of zeros has no region.
    """
    levels = np.floor(np.asarray(heat_map, np.float64) * 255)
    parts, n = ndimage.label(levels > int(threshold * levels.max()), np.ones((3, 3)))
    places = ndimage.find_objects(parts)
    areas = np.array([ndimage.binary_fill_holes(parts[place] == i + 1).sum() for i, place in enumerate(places)])
    kept = [i + 1 for i in range(n) if areas[i] >= smallest_px]
    if largest_only and kept:
        kept = [int(np.argmax(areas)) + 1]
    boxes, found = boxes_of_labels(np.where(np.isin(parts, kept), parts, 0))
    scores = np.asarray(ndimage.maximum(heat_map, parts, found), np.float64).reshape(-1)
    order = np.argsort(-scores, kind="stable")
    return np.isin(parts, kept), boxes[order], scores[order]
