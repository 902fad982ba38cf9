"""The answer of a detector: boxes with class and score, their size in millimetres and their place in the patient."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.answers.prediction import Prediction
from zoo.common.boxes import corners, to_corner_size
from zoo.common.errors import ConfigError
from zoo.common.files.outputs import json_text, write_text
from zoo.common.findings import POLYLINE, Finding, rectangle
from zoo.common.io import SUFFIXES, file_suffix
from zoo.common.tables import Table, write_table
from zoo.common.types import Row

if TYPE_CHECKING:
    from zoo.common.plotting.sheet import Sheet

COLUMNS = ("x1_px", "y1_px", "x2_px", "y2_px", "z1_px", "z2_px")
WORLD = ("x_mm", "y_mm", "z_mm")
LUNA16 = ".luna16.csv"
LUNA16_COLUMNS = ("seriesuid", "coordX", "coordY", "coordZ", "probability")


@dataclass(frozen=True, eq=False, repr=False)
class Boxes(Prediction):
    """Boxes by falling score.

    boxes: (k, 4) x1, y1, x2, y2 or, in a volume, (k, 6) with z1, z2 [px of the image]; pixel i spans i to i + 1.
    labels: (k,) places in `classes`. scores: (k,) in [0, 1].
    candidates: these and the boxes below the threshold, on which a detector is scored; None where there are no others.
    """

    classes: tuple[str, ...] = ()
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0))
    candidates: Boxes | None = None

    @property
    def centres_px(self) -> np.ndarray:
        """Middle of each box, (k, 2) x, y or (k, 3) x, y, z."""
        low, high = corners(self.boxes)
        return (low + high) / 2

    @property
    def diameters_mm(self) -> np.ndarray | None:
        """Mean of the sides in the plane (k,) [mm]; None where the pixel size is unknown."""
        spacing = self.image.spacing_mm
        if spacing is None:
            return None
        low, high = corners(self.boxes)
        return np.asarray((high - low)[:, :2] @ (spacing[-1], spacing[-2])) / 2

    @property
    def world_mm(self) -> np.ndarray | None:
        """Middle of each box of a volume (k, 3) [mm], to the right, the front and above; None where not known."""
        if self.image.affine is None or self.boxes.shape[1] != 6:
            return None
        indices = self.centres_px - 0.5  # an affine counts from the middle of the first voxel
        return np.asarray(indices @ self.image.affine[:3, :3].T + self.image.affine[:3, 3])

    def to_dict(self) -> dict[str, object]:
        counts = {name: int((self.labels == i).sum()) for i, name in enumerate(self.classes)}
        return {**self._head(), "counts": counts, "boxes": [dict(row) for row in self._found()]}

    def rows(self) -> list[Row]:
        """Return one row per box, or one without a box when there is none."""
        return [{"name": self.image.name, **row} for row in self._found() or [{"class": "", "score": 0.0}]]

    def to_coco(self) -> dict[str, object]:
        """Return the boxes of a picture as a COCO data set of one image, whose annotations carry scores."""
        if self.boxes.shape[1] != 4:
            raise ConfigError(f"{self.image.name}: boxes of a volume given; COCO holds pictures. Save a .csv instead")
        h, w = self.image.size[-2:]
        sides = to_corner_size(self.boxes)
        return {
            "info": {"description": "boxes found by openmedia-zoo", "spacing_mm": self._head()["spacing_mm"]},
            "images": [{"id": 1, "file_name": self.image.name, "width": int(w), "height": int(h)}],
            "categories": [{"id": i + 1, "name": name} for i, name in enumerate(self.classes)],
            "annotations": [
                {
                    "id": i + 1,
                    "image_id": 1,
                    "category_id": int(label) + 1,
                    "bbox": [float(value) for value in box],
                    "area": float(box[2] * box[3]),
                    "iscrowd": 0,
                    "score": float(score),
                }
                for i, (box, label, score) in enumerate(zip(sides, self.labels, self.scores, strict=True))
            ],
        }

    def findings(self) -> list[Finding]:
        """Return each box with its score and diameter; of a volume, its outline in every slice."""
        found, diameters = [], self.diameters_mm
        for i, (box, label, score) in enumerate(zip(self.boxes, self.labels, self.scores, strict=True)):
            first, last = (int(np.floor(box[4])), int(np.ceil(box[5]))) if len(box) == 6 else (0, 1)
            places = tuple((z, rectangle(*box[:4])) for z in range(first, last))
            measures = {"score": float(score), **({} if diameters is None else {"diameter_mm": float(diameters[i])})}
            found.append(Finding(self.classes[int(label)], measures, outline=POLYLINE, places=places))
        return found

    def submissions(self) -> dict[str, Table]:
        """Return the candidates of a volume as LUNA16 takes them: middles in the world of its scans, and scores.

        seriesuid is the name of the file or folder. LUNA16 counts x to the left and y to the back [mm].
        """
        found = self.candidates or self
        if (places := found.world_mm) is None:
            return {}
        name = Path(self.name).name
        suffix = file_suffix(Path(name))
        uid = name[: -len(suffix)] if suffix in SUFFIXES else name  # the last number of a UID is no suffix
        rows: list[Row] = [
            {"seriesuid": uid, "coordX": -float(x), "coordY": -float(y), "coordZ": float(z), "probability": float(p)}
            for (x, y, z), p in zip(places, found.scores, strict=True)
        ]
        return {"luna16": Table(LUNA16_COLUMNS, rows)}

    def save(self, path: str | Path) -> Path:
        """Write COCO (.json; of a volume the plain answer), a table (.csv), YOLO's lines (.txt) or an overlay.

        A name that ends in .luna16.csv gets the candidates of a volume as LUNA16 takes them.
        """
        path = self._with_suffix(path, self.suffix)
        suffix = path.suffix.lower()
        if suffix == ".json" and self.boxes.shape[1] == 4:
            return write_text(path, json_text(self.to_coco()), self.image.files)
        if suffix == ".txt":
            return write_text(path, "".join(f"{line}\n" for line in self._yolo_lines()), self.image.files)
        if path.name.lower().endswith(LUNA16):
            if (table := self.submissions().get("luna16")) is None:
                raise ConfigError(
                    f"{self.image.name}: no place in the world; LUNA16 takes volumes. Save a .csv instead"
                )
            return self._write(path, partial(write_table, table=table))
        return super().save(path)

    def sheet(self) -> Sheet:
        from zoo.common.plotting.boxes import draw_boxes

        return draw_boxes(self)

    def _yolo_lines(self) -> list[str]:
        """Class, centre x, centre y, width, height as shares of the picture, score."""
        if self.boxes.shape[1] != 4:
            raise ConfigError(f"{self.image.name}: boxes of a volume given; YOLO's .txt holds pictures. Save a .csv")
        h, w = self.image.size[-2:]
        low, high = corners(self.boxes)
        values = np.hstack([(low + high) / 2, high - low]) / (w, h, w, h)
        return [
            f"{int(label)} {' '.join(f'{v:.6f}' for v in row)} {score:.6f}"
            for label, row, score in zip(self.labels, values, self.scores, strict=True)
        ]

    def _found(self) -> list[Row]:
        diameters, world = self.diameters_mm, self.world_mm
        out: list[Row] = []
        for i, (box, label, score) in enumerate(zip(self.boxes, self.labels, self.scores, strict=True)):
            row: Row = {"class": self.classes[int(label)], "score": float(score)}
            row |= {name: float(value) for name, value in zip(COLUMNS, box, strict=False)}
            if diameters is not None:
                row["diameter_mm"] = float(diameters[i])
            if world is not None:
                row |= {name: float(value) for name, value in zip(WORLD, world[i], strict=True)}
            out.append(row)
        return out

    def __str__(self) -> str:
        counts = [(name, int((self.labels == i).sum())) for i, name in enumerate(self.classes)]
        found = [f"{count} {name}" for name, count in counts if count]
        return f"{self.image.name}: {', '.join(found) or 'nothing found'}"
