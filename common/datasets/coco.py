"""Boxes in COCO's JSON: per picture, rows of class and corners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.datasets.texts import read_json
from zoo.common.errors import DataError


@dataclass(frozen=True, eq=False)
class Picture:
    """What a COCO file says of one picture.

    boxes: rows of class, x1, y1, x2, y2 [px], where pixel i spans i to i + 1. crowds: corners of regions with several
    objects. ellipses: rows of six where annotations carry `ellipse`. size: (width, height), None where not told.
    """

    size: tuple[float, float] | None
    boxes: list[list[float]] = field(default_factory=list)
    crowds: list[list[float]] = field(default_factory=list)
    ellipses: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Coco:
    """What a COCO file says.

    classes: names by class number, in the order of the categories' ids. boxes: (k, 5) float64 per `file_name`: class,
    x1, y1, x2, y2 [px]. crowds: (m, 4) per `file_name`, regions in which boxes are neither right nor wrong.
    ellipses: rows (k, 6). sizes: (width, height) of the picture that was annotated, where the file tells it.
    """

    classes: tuple[str, ...]
    boxes: dict[str, np.ndarray]
    crowds: dict[str, np.ndarray]
    ellipses: dict[str, np.ndarray]
    sizes: dict[str, tuple[float, float] | None]


def read_coco(path: Path) -> Coco:
    """Read a COCO file; DataError where two pictures or two categories cannot be told apart."""
    content = read_json(path)
    try:
        categories = categories_of(content)
        numbers = {category: number for number, category in enumerate(categories)}
        classes = tuple(categories.values())
        names = [picture["file_name"] for picture in content["images"]]
        pictures = {picture["id"]: Picture(_size(picture)) for picture in content["images"]}
        ids = (("category id", [one["id"] for one in content["categories"]]), ("category", classes))
        for what, values in (*ids, ("file_name", names), ("image id", [p["id"] for p in content["images"]])):
            _check_single(path, what, values)
        for entry in content["annotations"]:
            _add(pictures[entry["image_id"]], entry, numbers)
        by_name = {picture["file_name"]: pictures[picture["id"]] for picture in content["images"]}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not a COCO file ({type(error).__name__}: {error})") from error
    return Coco(
        classes,
        {name: _rows(picture.boxes, 5) for name, picture in by_name.items()},
        {name: _rows(picture.crowds, 4) for name, picture in by_name.items()},
        {name: _rows(picture.ellipses, 6) for name, picture in by_name.items()},
        {name: picture.size for name, picture in by_name.items()},
    )


def categories_of(content: dict[str, Any]) -> dict[Any, str]:
    """Return the names of the categories by their ids, in the order of these."""
    return {one["id"]: str(one["name"]) for one in sorted(_without_headings(content), key=lambda one: one["id"])}


def _without_headings(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Leave out categories that only others stand under, such as the project's name in an export of Roboflow."""
    used = {entry["category_id"] for entry in content["annotations"]}
    above = {one.get("supercategory") for one in content["categories"] if one.get("supercategory") != one["name"]}
    return [one for one in content["categories"] if one["id"] in used or one["name"] not in above]


def _add(picture: Picture, entry: dict[str, Any], numbers: dict[Any, int]) -> None:
    x, y, w, h = entry["bbox"]
    corners, number = [x, y, x + w, y + h], numbers[entry["category_id"]]
    if entry.get("iscrowd"):
        picture.crowds.append(corners)
        return
    picture.boxes.append([number, *corners])
    if "ellipse" in entry:
        picture.ellipses.append([number, *entry["ellipse"]])


def _size(picture: dict[str, Any]) -> tuple[float, float] | None:
    width, height = (float(picture.get(name) or 0) for name in ("width", "height"))
    return (width, height) if width > 0 and height > 0 else None


def _rows(rows: list[list[float]], width: int) -> np.ndarray:
    return np.array(rows, np.float64).reshape(-1, width)


def _check_single(path: Path, what: str, values: Iterable[Any]) -> None:
    if twice := [value for value, count in Counter(values).items() if count > 1]:
        raise DataError(f"{path}: the {what} {twice[0]!r} is there twice; expected each once, or boxes would get lost")
