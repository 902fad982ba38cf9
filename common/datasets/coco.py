"""Boxes in COCO's JSON: per picture, rows of class and corners."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.common.datasets.texts import read_json
from zoo.common.errors import DataError


@dataclass(frozen=True, eq=False)
class Coco:
    """What a COCO file says.

    classes: names by class number, in the order of the categories' ids; boxes: (k, 5) float64 per `file_name`: class,
    x1, y1, x2, y2 [px], where pixel i spans i to i + 1. ellipses: rows (k, 6) where annotations carry `ellipse`.
    """

    classes: tuple[str, ...]
    boxes: dict[str, np.ndarray]
    ellipses: dict[str, np.ndarray]


def read_coco(path: Path) -> Coco:
    """Read a COCO file; crowd regions are left out."""
    content = read_json(path)
    try:
        categories = sorted(content["categories"], key=lambda category: category["id"])
        numbers = {category["id"]: number for number, category in enumerate(categories)}
        boxes: dict[int, list[list[float]]] = {picture["id"]: [] for picture in content["images"]}
        ellipses: dict[int, list[list[float]]] = {picture["id"]: [] for picture in content["images"]}
        for entry in content["annotations"]:
            if entry.get("iscrowd"):
                continue
            x, y, w, h = entry["bbox"]
            boxes[entry["image_id"]].append([numbers[entry["category_id"]], x, y, x + w, y + h])
            if "ellipse" in entry:
                ellipses[entry["image_id"]].append([numbers[entry["category_id"]], *entry["ellipse"]])
        names = {picture["id"]: picture["file_name"] for picture in content["images"]}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not a COCO file ({type(error).__name__}: {error})") from error
    return Coco(
        tuple(str(category["name"]) for category in categories),
        {names[key]: np.array(rows, np.float64).reshape(-1, 5) for key, rows in boxes.items()},
        {names[key]: np.array(rows, np.float64).reshape(-1, 6) for key, rows in ellipses.items()},
    )
