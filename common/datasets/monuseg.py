"""MoNuSeg: H&E fields with every nucleus outlined in Aperio XML (Kumar et al. 2017, 2020).

MoNuSeg 2018 Training Data/{Tissue Images/<id>.tif, Annotations/<id>.xml}, MoNuSegTestData/<id>.{tif,xml}, either alone
or both; some archives unpack to a doubled folder. One field per patient.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from zoo.common.datasets import Record, describe
from zoo.common.datasets.folders import matching
from zoo.common.datasets.polygons import fill_polygon
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Sample

TASKS = {
    "instance-segmentation": ("nucleus",),
    "point-detection": ("nucleus",),
    "segmentation": ("background", "nucleus"),
}
VALIDATION = ("TCGA-AR-A1AS", "TCGA-HE-7130", "TCGA-50-5931", "TCGA-G9-6363")  # the usual choice from Kumar's sixteen
MICRONS = 1e-3  # mm


def recognises(root: Path) -> bool:
    """Say whether there is a field with its XML."""
    return bool(_fields(root))


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the one thing that is outlined."""
    return TASKS[task]


def read(root: Path, task: str) -> list[Record]:
    """List the fields: four of the training set validate, the official test is the test.

    The training set alone gets a drawn split, like any data set without one.
    """
    if task not in TASKS:
        raise DataError(f"{root}: MoNuSeg is read for {', '.join(TASKS)}, not for {task}")
    fields = _fields(root)
    if not fields:
        raise DataError(f"{root}: looked for Tissue Images/*.tif with Annotations/*.xml; {describe(root)}")
    has_test = any(path.parent.name != "Tissue Images" for path, _ in fields)
    records = []
    for path, outlines in fields:
        split = "test" if path.parent.name != "Tissue Images" else "val" if path.stem[:12] in VALIDATION else "train"
        patient = path.stem[:12]  # TCGA-<site>-<patient>
        load = partial(_load, path, outlines, task)
        records.append(Record(path.stem, split if has_test else "", patient, load, (path, outlines)))
    return records


def _fields(root: Path) -> list[tuple[Path, Path]]:
    """List pictures with their XML, searched three folders deep."""
    found = []
    for pattern in ("*.tif", "*/*.tif", "*/*/*.tif", "*/*/*/*.tif"):
        for path in matching(root, pattern):
            for outlines in (path.with_suffix(".xml"), path.parent.parent / "Annotations" / f"{path.stem}.xml"):
                if outlines.is_file():
                    found.append((path, outlines))
                    break
    return found


def read_outlines(path: Path) -> tuple[list[np.ndarray], float | None]:
    """Read the polygons (n, 2) of x, y of an Aperio file, and the pixel size [mm] if it is there."""
    try:
        tree = ElementTree.parse(path).getroot()
        # by name and not by place: the first child of Regions is a header
        polygons = [
            np.array([[float(v.attrib["X"]), float(v.attrib["Y"])] for v in region.iter("Vertex")]).reshape(-1, 2)
            for region in tree.iter("Region")
        ]
        microns = float(tree.attrib.get("MicronsPerPixel", 0))
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise DataError(f"{path}: not an Aperio annotation ({error}); download it again") from error
    return [polygon for polygon in polygons if len(polygon) >= 3], microns * MICRONS or None


def draw_instances(polygons: list[np.ndarray], size: tuple[int, ...]) -> np.ndarray:
    """Number the polygons 1, 2, ... in a picture (h, w); where they overlap the first wins, as officially."""
    instances = np.zeros(size, np.int16)
    for number, polygon in enumerate(polygons, 1):
        place, is_inside = fill_polygon(polygon, size)
        window = instances[place]
        window[is_inside & (window == 0)] = number
    return instances


def _load(path: Path, outlines: Path, task: str) -> Sample:
    polygons, pixel_mm = read_outlines(outlines)
    image = read_image(path, None if pixel_mm is None else (pixel_mm, pixel_mm))
    if task == "point-detection":
        rows = np.array([[0, *_centroid(polygon)] for polygon in polygons], np.float64).reshape(-1, 3)
        return Sample(image, {"points": rows}, group=path.stem[:12])
    instances = draw_instances(polygons, image.size)
    labels = {"instances": instances} if task != "segmentation" else {"mask": (instances > 0).astype(np.int16)}
    return Sample(image, labels, group=path.stem[:12])


def _centroid(polygon: np.ndarray) -> np.ndarray:
    """Return the centre of mass of a polygon's area; of its vertices where it has no area."""
    origin = polygon[0]
    a, b = polygon - origin, np.roll(polygon, -1, axis=0) - origin
    cross = a[:, 0] * b[:, 1] - b[:, 0] * a[:, 1]
    if abs(cross.sum()) < 1e-9:
        return polygon.mean(0)
    return origin + ((a + b) * cross[:, None]).sum(0) / (3 * cross.sum())
