"""The answer of a segmentation: one class per pixel or voxel, in the image's own grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from zoo.common.answers.prediction import Prediction
from zoo.common.errors import ConfigError
from zoo.common.files.names import printable
from zoo.common.findings import Finding
from zoo.common.io import file_suffix
from zoo.common.numbers import UNITS, percent, written
from zoo.common.tables import finite_or_none
from zoo.common.types import Row

if TYPE_CHECKING:
    from zoo.common.plotting.sheet import Sheet

FEW = 16  # classes that are counted faster one by one
MASKS = (".png", ".tif", ".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".dcm")


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation(Prediction):
    """A class for every pixel; classes[0] is the background.

    labels: (h, w) or (d, h, w) integers, indices into `classes`.
    probabilities: (k, h, w) or (k, d, h, w) float32 that sum to one, or None where they were not asked for.
    measurements: name with unit -> value, such as "liver_ml".
    """

    classes: tuple[str, ...] = ()
    labels: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    probabilities: np.ndarray | None = None
    measurements: dict[str, float] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        return ".png" if self.labels.ndim == 2 else ".nii.gz"

    @property
    def segments(self) -> tuple[np.ndarray, tuple[str, ...]]:
        return self.labels, self.classes

    def findings(self) -> list[Finding]:
        """Return the size of each class."""
        rows = self.rows()
        sizes = [{k: float(v) for k, v in row.items() if k.startswith("size_")} for row in rows]
        return [Finding(str(row["class"]), size, i + 1) for i, (row, size) in enumerate(zip(rows, sizes, strict=True))]

    @property
    def mask(self) -> np.ndarray:
        """The labels, under the name that they have in a localisation."""
        return self.labels

    def where(self, name: str) -> np.ndarray:
        """Return where one class is, bool in the image's grid."""
        if name not in self.classes:
            raise ConfigError(f"class {name!r} given; expected one of {', '.join(self.classes)}")
        return self.labels == self.classes.index(name)

    def to_dict(self) -> dict[str, object]:
        return {
            **self._head(),
            "classes": list(self.classes),
            "found": [str(row["class"]) for row in self.rows() if row["share"]],
            "measurements": {name: finite_or_none(value) for name, value in self.measurements.items()},
        }

    def rows(self) -> list[Row]:
        """Return one row per class but the background: its share of the image, and its size where known."""
        counts = count_pixels(self.labels, len(self.classes))
        rows: list[Row] = []
        for index, name in list(enumerate(self.classes))[1:]:
            unit, size = pixel_measure(self.image.spacing_mm, self.labels.ndim)
            shared: Row = {"name": self.name, "class": name, "share": float(counts[index] / self.labels.size)}
            rows.append(shared | {f"size_{unit}": float(counts[index]) * size})
        return rows

    def save(self, path: str | Path) -> Path:
        """Write the mask into a file of the input's grid, or JSON, CSV or an overlay, as the suffix says.

        Masks: .png (with a palette) or .tif (greys) for pictures, .nii.gz, .nii, .mha, .mhd, .nrrd or .dcm (DICOM-SEG)
        for volumes. A .png of a volume is refused: plot() draws the overlay.
        """
        path = self._with_suffix(path, self.suffix)
        suffix = file_suffix(path)
        if suffix not in MASKS:
            return super().save(path)
        if suffix == ".dcm":
            return self.save_segmentation(path)
        if suffix == ".png" and self.labels.ndim == 3:
            raise ConfigError(f"{path}: a .png cannot hold a volume; expected .nii.gz, .mha or .nrrd, or use plot()")
        from zoo.common.io.write import write_labels

        return self._write(path, lambda staged: write_labels(staged, self.labels, self.image, self.classes))

    def sheet(self) -> Sheet:
        from zoo.common.plotting.segmentation import draw_segmentation

        return draw_segmentation(self)

    def __str__(self) -> str:
        sizes = [
            f"{printable(str(row['class']))} {written_size(row)} ({percent(float(row['share']))})"
            for row in self.rows()
            if row["share"]
        ]
        return f"{self._shown_name}: {', '.join(sizes) or 'nothing found'}"


def written_size(row: Row) -> str:
    """Write the size in a row of a segmentation as people do, with its unit."""
    name = next(key for key in row if key.startswith("size_"))
    unit = name.removeprefix("size_")
    return written(float(row[name]), UNITS.get(unit, unit))


def pixel_measure(spacing_mm: Sequence[float] | None, axes: int) -> tuple[str, float]:
    """Return the unit in which areas and volumes are told, and the size of one pixel in it."""
    if spacing_mm is None:
        return "px", 1.0
    size = float(np.prod(spacing_mm))
    return ("ml", size / 1000) if axes == 3 else ("mm2", size)


def count_pixels(labels: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of each class, plane by plane: bincount makes a copy of eight bytes per pixel."""
    planes = labels if labels.ndim == 3 else labels[None]
    if classes <= FEW and labels.dtype.itemsize == 1:  # each class by itself in a sixteenth of the time
        return np.sum([[np.count_nonzero(plane == i) for i in range(classes)] for plane in planes], axis=0)
    return np.sum([np.bincount(plane.ravel(), minlength=classes) for plane in planes], axis=0)


def measure_classes(labels: np.ndarray, classes: Sequence[str], spacing_mm: Sequence[float] | None) -> dict[str, float]:
    """Measure area or volume of every class but the background: "<class>_mm2", "<class>_ml", "<class>_px"."""
    unit, size = pixel_measure(spacing_mm, labels.ndim)
    counts = count_pixels(labels, len(classes))
    return {
        f"{name.replace(' ', '_')}_{unit}": float(n) * size for name, n in zip(classes[1:], counts[1:], strict=True)
    }


def keep_largest(labels: np.ndarray, count: int = 1) -> np.ndarray:
    """Keep the `count` largest connected parts of each class (touching by a face); the rest becomes background."""
    kept = np.zeros_like(labels)
    for index in np.unique(labels[labels > 0]):
        parts, found = ndimage.label(labels == index)
        if not found:
            continue
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        largest = np.argsort(-sizes, kind="stable")[: min(count, found)]
        kept[np.isin(parts, largest)] = index
    return kept
