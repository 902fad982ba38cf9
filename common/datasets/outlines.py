"""Objects one by one as outlines: GeoJSON as QuPath exports it, polygons and run lengths of COCO.

labels/<name>.geojson (or masks/, annotations/, images/): a file per picture; cells and detections, or else annotations
with an area. instances.json, boxes.json or any other name beside images/: COCO with `segmentation`. Corners of pixels
are whole numbers; where objects overlap the first wins, and regions of several objects (iscrowd) are none;
as classes of pixels these count, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.datasets.coco import categories_of
from zoo.common.datasets.folders import Names, entries, find_name, unknown_names
from zoo.common.datasets.polygons import fill_polygon
from zoo.common.datasets.texts import read_json
from zoo.common.errors import DataError
from zoo.common.instances.rle import decode_runs, mask_of
from zoo.common.types import Image

FOLDERS = ("labels", "masks", "annotations", "images")
SUFFIX = ".geojson"
FOUND = ("detection", "cell", "tile")  # QuPath's words for objects that were found, beside annotations
AREAS = ("Polygon", "MultiPolygon")


def has_geojson(root: Path) -> bool:
    """Say whether there is any file of outlines."""
    return any(path.suffix == SUFFIX for folder in FOLDERS for path in entries(root / folder))


def geojson_of(root: Path, name: str) -> Path | None:
    """Return the outlines of an image; None without any."""
    return next((path for folder in FOLDERS if (path := root / folder / f"{name}{SUFFIX}").is_file()), None)


def draw_geojson(path: Path, image: Image) -> np.ndarray:
    """Number the objects of a GeoJSON file on the grid of its picture, (h, w) int32."""
    content = read_json(path)
    try:
        features = content["features"] if isinstance(content, dict) else content
        kinds = [feature.get("properties", {}).get("objectType", "annotation") for feature in features]
        chosen = [f for f, kind in zip(features, kinds, strict=True) if kind in FOUND] or features
        drawn = np.zeros(image.size, np.int32)
        for number, feature in enumerate(chosen, start=1):
            geometry = feature["geometry"]
            if geometry["type"] not in AREAS:
                raise DataError(
                    f"{path}, object {number}: {geometry['type']} given; expected an area, {' or '.join(AREAS)}. "
                    "Export outlines alone"
                )
            parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
            _draw(drawn, [[np.array(ring, np.float64)[:, :2] for ring in part] for part in parts], number)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise DataError(f"{path}: not GeoJSON with outlines ({type(error).__name__}: {error})") from error
    return drawn


class CocoObjects:
    """The objects of a COCO file, by picture; pixels are drawn when a picture is asked for."""

    def __init__(self, path: Path, images: Names) -> None:
        """Read the file; DataError where it names a picture that is not in `images`, or one twice."""
        self.path = path
        content = read_json(path)
        try:
            names = {picture["id"]: str(picture["file_name"]) for picture in content["images"]}
            self.categories = categories_of(content)
            entries: dict[Any, list[Mapping[str, Any]]] = {key: [] for key in names}
            for entry in content["annotations"]:
                entries[entry["image_id"]].append(entry)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}: not a COCO file ({type(error).__name__}: {error})") from error
        placed = {key: find_name(name, images, str(path)) for key, name in names.items()}
        if unknown := [names[key] for key, name in placed.items() if name is None]:
            raise unknown_names(unknown, images, str(path), path.parent / "images")
        self.entries = {str(placed[key]): found for key, found in entries.items()}
        if len(self.entries) < len(entries):
            raise DataError(f"{path}: two entries mean one image; expected one `file_name` per image")

    @property
    def has_outlines(self) -> bool:
        """Whether the file outlines anything; boxes alone are no labels of pixels."""
        return any(entry.get("segmentation") for found in self.entries.values() for entry in found)

    def draw(self, name: str, image: Image) -> np.ndarray:
        """Number the objects of a picture on its grid, (h, w) int32."""
        single = [entry for entry in self.entries[name] if not entry.get("iscrowd")]
        return self._drawn(name, image, list(enumerate(single, start=1)))

    def draw_classes(self, name: str, classes: Sequence[str], image: Image) -> np.ndarray:
        """Number the pixels of a picture by what they belong to, (h, w) int32; of regions of several objects, too.

        classes: the names by number, the background first; () for the file's own in the order of their ids, from 1 on.
        """
        names = list(classes) or ["background", *self.categories.values()]
        numbers = {key: names.index(text) for key, text in self.categories.items() if text in names}
        if unknown := [text for text in self.categories.values() if text not in names]:
            raise DataError(
                f"{self.path}: category {unknown[0]} is not among the classes {', '.join(names)}; "
                "expected the same names. Correct classes.txt, or remove it"
            )
        return self._drawn(name, image, [(numbers[entry["category_id"]], entry) for entry in self.entries[name]])

    def _drawn(self, name: str, image: Image, numbered: Sequence[tuple[int, Mapping[str, Any]]]) -> np.ndarray:
        drawn = np.zeros(image.size, np.int32)
        for number, entry in numbered:
            where = f"{self.path}, annotation {entry.get('id', number)} of {name}"
            try:
                shape = entry["segmentation"]
                if isinstance(shape, Mapping):
                    mask = _runs(shape, image.size, where)
                    drawn[mask & (drawn == 0)] = number
                else:
                    _draw(drawn, [[np.array(ring, np.float64).reshape(-1, 2)] for ring in shape], number)
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(
                    f"{where}: no outline ({type(error).__name__}: {error}); expected `segmentation`, polygons or runs"
                ) from error
        return drawn


def _runs(shape: Mapping[str, Any], size: Sequence[int], where: str) -> np.ndarray:
    counts = shape["counts"]
    if tuple(shape["size"]) != tuple(size):
        raise DataError(
            f"{where}: run lengths of {tuple(shape['size'])} px; expected the picture's {tuple(size)} (h, w)"
        )
    runs = decode_runs(counts) if isinstance(counts, str) else np.array(counts, np.int64)
    return mask_of(runs, (size[0], size[1]), where)


def _draw(drawn: np.ndarray, parts: Sequence[Sequence[np.ndarray]], number: int) -> None:
    """Draw polygons, each an outer ring and its holes, corners (n, 2) x, y; only onto what is still free."""
    for part in parts:
        inside = np.zeros(drawn.shape, bool)
        for ring in part:
            if len(ring) >= 3:
                place, filled = fill_polygon(ring - 0.5, drawn.shape)  # corners of pixels to their middles
                inside[place] ^= filled
        drawn[inside & (drawn == 0)] = number
