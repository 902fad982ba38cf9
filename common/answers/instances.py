"""The answer of an instance segmentation: every object with its own outline, size, class and score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.answers.prediction import Prediction
from zoo.common.boxes import boxes_of_labels
from zoo.common.colours import COLOURS
from zoo.common.errors import ConfigError, InputError
from zoo.common.files.outputs import json_text, write_text
from zoo.common.findings import POLYLINE, Finding, rectangle
from zoo.common.instances.measures import add_up, mean_scores, measure_objects, renumber
from zoo.common.instances.outlines import polygons_of
from zoo.common.instances.rle import all_runs, encode_runs
from zoo.common.types import Image, Row

if TYPE_CHECKING:
    from zoo.common.plotting.sheet import Sheet

MAPS = (".png", ".tif", ".npy", ".npz")
LARGEST_16 = 2**16 - 1  # number of an object that a .png can hold


@dataclass(frozen=True, eq=False, repr=False)
class Instances(Prediction):
    """Objects of a picture, one by one.

    classes: kinds of objects, no background. instances: (h, w) int32, 0 background, then 1..n without gaps.
    kinds: (n,) place in `classes` of object i + 1; scores: (n,) in [0, 1].
    boxes: (n, 4) x1, y1, x2, y2 [px] of a network that finds boxes; left out, those around the outlines. Pixel i spans
        i to i + 1.
    extra: further maps of the network by name, which .npz holds.
    """

    classes: tuple[str, ...] = ()
    instances: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int32))
    kinds: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0))
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        top = int(self.instances.max(initial=0))
        if self.boxes is None or not len(self.boxes):
            object.__setattr__(self, "boxes", self._boxes_around())
        if self.instances.ndim != 2 or not top <= len(self.kinds) == len(self.scores):
            raise InputError(
                f"{self.image.name}: map {self.instances.shape} with numbers to {top}, {len(self.kinds)} kinds, "
                f"{len(self.scores)} scores given; expected (h, w) and one of each per object"
            )

    @property
    def suffix(self) -> str:
        return ".png" if len(self) <= LARGEST_16 else ".tif"

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def mask(self) -> np.ndarray:
        """Where any object is, bool (h, w)."""
        return self.instances > 0

    @property
    def counts(self) -> dict[str, int]:
        """Number of objects of each class."""
        return {name: int((self.kinds == i).sum()) for i, name in enumerate(self.classes)}

    @property
    def per_mm2(self) -> float | None:
        """Objects per square millimetre of the picture; None where the pixel size is unknown."""
        spacing = self.image.spacing_mm
        if spacing is None:
            return None
        return len(self) / float(np.prod(spacing[-2:]) * np.prod(self.instances.shape))

    @cached_property
    def measurements(self) -> dict[str, np.ndarray]:
        """Size, place and shape of each object, by name with unit; computed when first asked for."""
        return measure_objects(self.instances, len(self), self.image.spacing_mm)

    def to_dict(self) -> dict[str, object]:
        return {**self._head(), "counts": self.counts, "per_mm2": self.per_mm2, "objects": self._found()}

    def rows(self) -> list[Row]:
        """Return one row per object, or one without an object when there is none."""
        return [{"name": self.name, **row} for row in self._found() or [{"id": 0, "class": "", "score": 0.0}]]

    @property
    def segments(self) -> tuple[np.ndarray, tuple[str, ...]]:
        numbers = np.concatenate([[0], np.asarray(self.kinds, np.int64) + 1])
        return numbers[self.instances], ("background", *self.classes)

    def findings(self) -> list[Finding]:
        """Return the number of each class, and every object with its score, area and box."""
        name, areas = next((item for item in self.measurements.items() if item[0].startswith("area_")), ("", None))
        found = [Finding(kind, {"count": float(count)}, i + 1) for i, (kind, count) in enumerate(self.counts.items())]
        for i in range(len(self)):
            measures = {"score": float(self.scores[i]), **({} if areas is None else {name: float(areas[i])})}
            place = ((0, rectangle(*self.boxes[i])),)
            found.append(Finding(self.classes[int(self.kinds[i])], measures, outline=POLYLINE, places=place))
        return found

    def to_coco(self) -> dict[str, object]:
        """Return the objects as a COCO data set of one image: compressed run lengths, boxes, areas, scores."""
        h, w = (int(n) for n in self.instances.shape)
        corners = self.boxes
        areas = add_up(self.instances, len(self))
        annotations = [
            {
                "id": i + 1,
                "image_id": 1,
                "category_id": int(self.kinds[i]) + 1,
                "segmentation": {"size": [h, w], "counts": encode_runs(runs)},
                "bbox": [float(v) for v in (*corners[i, :2], *(corners[i, 2:] - corners[i, :2]))],
                "area": float(areas[i]),
                "iscrowd": 0,
                "score": float(self.scores[i]),
            }
            for i, runs in enumerate(all_runs(self.instances, len(self)))
        ]
        return {
            "info": {"description": "objects found by openmedia-zoo", "spacing_mm": self._head()["spacing_mm"]},
            "images": [{"id": 1, "file_name": self.name, "width": w, "height": h}],
            "categories": [{"id": i + 1, "name": name} for i, name in enumerate(self.classes)],
            "annotations": annotations,
        }

    def to_geojson(self) -> dict[str, object]:
        """Return the outlines as QuPath imports them: a detection per object, with class and measurements."""
        features = []
        for i, polygons in enumerate(polygons_of(self.instances, len(self))):
            if not polygons:
                continue
            several = len(polygons) > 1
            kind = int(self.kinds[i])
            colour = [int(v) for v in bytes.fromhex(COLOURS[kind % len(COLOURS)][1:])]
            measured = {name: float(values[i]) for name, values in self.measurements.items()}
            features.append(
                {
                    "type": "Feature",
                    "id": i + 1,
                    "geometry": {
                        "type": "MultiPolygon" if several else "Polygon",
                        "coordinates": polygons if several else polygons[0],
                    },
                    "properties": {
                        "objectType": "detection",
                        "classification": {"name": self.classes[kind], "color": colour},
                        "measurements": {"score": float(self.scores[i]), **measured},
                    },
                }
            )
        return {"type": "FeatureCollection", "features": features}

    def save(self, path: str | Path) -> Path:
        """Write the map, the outlines or the table, as the suffix says.

        .png (16 bit), .tif, .npy: the map; .npz: the map and all else as arrays; .geojson: outlines for QuPath;
        .json: COCO; .csv: a line per object. draw() and plot() give the overlay.
        """
        path = self._with_suffix(path, self.suffix)
        suffix = path.suffix.lower()
        if suffix == ".dcm":
            return self.save_segmentation(path)
        if suffix == ".json":
            return write_text(path, json_text(self.to_coco()), self.image.files)
        if suffix == ".geojson":
            return write_text(path, json_text(self.to_geojson()), self.image.files)
        if suffix not in MAPS:
            return super().save(path)
        if suffix == ".png" and len(self) > LARGEST_16:
            raise ConfigError(
                f"{path}: {len(self)} objects; a .png counts to {LARGEST_16}. Save a .tif or .npy instead"
            )
        return self._write(path, partial(self._write_map, suffix=suffix))

    def sheet(self) -> Sheet:
        from zoo.common.plotting.instances import draw_instances

        return draw_instances(self)

    def _write_map(self, path: Path, suffix: str) -> None:
        if suffix == ".npy":
            np.save(path, self.instances, allow_pickle=False)
        elif suffix == ".npz":
            arrays: dict[str, Any] = {"kinds": self.kinds, "scores": self.scores, "boxes": self.boxes, **self.extra}
            np.savez_compressed(path, instances=self.instances, **arrays)
        elif suffix == ".png":
            from PIL import Image as Pillow

            Pillow.fromarray(self.instances.astype(np.uint16)).save(path)
        else:
            import tifffile

            values = self.instances.astype(np.uint16 if len(self) <= LARGEST_16 else np.uint32)
            tifffile.imwrite(path, values, photometric="minisblack", compression="zlib", metadata=None)

    def _boxes_around(self) -> np.ndarray:
        around, numbers = boxes_of_labels(self.instances)
        boxes = np.zeros((max(len(self), int(numbers.max(initial=0))), 4))
        boxes[numbers - 1] = around
        return boxes

    def _found(self) -> list[Row]:
        columns = {name: values.tolist() for name, values in self.measurements.items()}
        sides = self.boxes.tolist()
        return [
            {
                "id": i + 1,
                "class": self.classes[int(self.kinds[i])],
                "score": float(self.scores[i]),
                **{name: values[i] for name, values in columns.items()},
                **dict(zip(("x1_px", "y1_px", "x2_px", "y2_px"), sides[i], strict=True)),
            }
            for i in range(len(self))
        ]

    def __str__(self) -> str:
        found = [f"{count} {name}" for name, count in self.counts.items() if count]
        density = "" if self.per_mm2 is None or not found else f" ({self.per_mm2:,.0f} per mm²)"
        return f"{self._shown_name}: {', '.join(found) or 'nothing found'}{density}"


def of_one_kind(
    image: Image,
    classes: Sequence[str],
    instances: np.ndarray,
    probability: np.ndarray | None = None,
    *,
    scale: float = 1.0,
    extra: Mapping[str, np.ndarray] | None = None,
) -> Instances:
    """Build the answer of a network that knows one kind of object.

    instances: (h, w) whole numbers, which are counted anew without gaps. probability: (h, w) of the foreground times
    `scale`, whose mean inside an object is its score; without, all scores are 1.
    """
    numbered = renumber(instances)
    count = int(numbered.max(initial=0))
    scores = np.ones(count) if probability is None else mean_scores(numbered, count, probability, scale)
    return Instances(image, tuple(classes), numbered, np.zeros(count, np.int64), scores, extra=extra or {})
