"""Where the labels of a picture in images/ stand: its mask, its line in a table, its boxes and points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage

from zoo.common.boxes import boxes_of_labels
from zoo.common.datasets import describe
from zoo.common.datasets.boxes import Marks
from zoo.common.datasets.classes import check_named, class_number
from zoo.common.datasets.masks import anything, decoder_of, parts_of, read_mask
from zoo.common.datasets.outlines import draw_geojson, geojson_of
from zoo.common.datasets.paired_folder import Folder, why_no_mask
from zoo.common.datasets.places import check_size, within
from zoo.common.errors import DataError
from zoo.common.types import Image

ReadLabel = Callable[[Image], np.ndarray]


def _label(folder: Folder, name: str) -> ReadLabel:
    number = folder.label_of(name)
    if number is None:
        raise DataError(
            f"{folder.root}: {name} has label ''; expected a column `label` in split.csv, with a class number or name"
        )
    return partial(_constant, np.array(number, np.int64))


def _marked(folder: Folder, name: str) -> ReadLabel:
    return partial(_marks_anything, _mask(folder, name))


def _mask(folder: Folder, name: str, instances: bool = False, unnamed: bool = False) -> ReadLabel:
    path = folder.mask_of(name)
    if folder.objects is not None and folder.outlines(name):
        return partial(folder.objects.draw_classes, name, folder.classes)
    if path is None and folder.is_normal(name):
        return _nothing  # a normal picture has nothing to outline
    if path is None:
        raise DataError(why_no_mask(folder, name))
    decode = anything if not instances and folder.counts_instances else None
    limit = len(folder.classes) if folder.classes and not instances and not unnamed else None
    return partial(_read_limited, path, decode, limit)


def _instances(folder: Folder, name: str) -> ReadLabel:
    if folder.mask_of(name) is None and (path := geojson_of(folder.root, name)) is not None:
        return partial(draw_geojson, path)
    if not folder.masks and folder.objects is not None and name in folder.objects.entries:
        return partial(folder.objects.draw, name)
    read = _mask(folder, name, instances=True)
    return read if folder.counts_instances else partial(_parts_of_lone, read)


def _boxes(folder: Folder, name: str) -> ReadLabel:
    if folder.boxes is None and folder.counts_instances:
        return partial(_boxes_of_instances, _mask(folder, name, instances=True))
    if folder.boxes is None:
        raise DataError(f"{folder.root}: no boxes.json and no boxes.csv; {describe(folder.root)}")
    marks = folder.boxes.marks.get(name)
    if marks is None and folder.boxes.path.suffix == ".json":
        raise DataError(
            f"{folder.boxes.path}: {name} is not among its images; expected every image, also one without a box. "
            "Add it to `images`, or leave it out of the split"
        )
    return partial(_placed, "boxes", marks or Marks(np.zeros((0, 5)), ()))


def _ignored(folder: Folder, name: str) -> ReadLabel:
    none = Marks(np.zeros((0, 4)), ())
    crowds = folder.boxes.crowds.get(name, none) if folder.boxes is not None else none
    regions = (folder.ignored or {}).get(name, none)
    both = Marks(np.vstack([regions.rows, crowds.rows]), (*regions.wheres, *crowds.wheres), crowds.size)
    return partial(_placed, "ignored", both)


def _points(folder: Folder, name: str) -> ReadLabel:
    if folder.points is None and folder.counts_instances:
        return partial(_points_of_instances, _mask(folder, name, instances=True))
    if folder.points is None:
        raise DataError(f"{folder.root}: no points.csv; {describe(folder.root)}")
    names = folder.classes or folder.named_points
    # a line without a place says that there is nothing
    lines = [line for line in folder.points.get(name, []) if line.values.get("x") or line.values.get("y")]
    kinds = [class_number(line.values.get("cls") or "0", names, line.where) for line in lines]
    rows = [[kind, line.number("x"), line.number("y")] for kind, line in zip(kinds, lines, strict=True)]
    marks = Marks(np.array(rows, np.float64).reshape(-1, 3), tuple(line.where for line in lines))
    return partial(_placed, "points", marks)


def _placed(key: str, marks: Marks, image: Image) -> np.ndarray:
    check_size(marks.size, image.size, marks.wheres[0] if marks.wheres else image.name)
    return within(key, marks.rows, image.size, marks.wheres)


def _constant(value: np.ndarray, image: Image) -> np.ndarray:
    return value


def _nothing(image: Image) -> np.ndarray:
    return np.zeros(image.size, np.int16)


def _marks_anything(read: ReadLabel, image: Image) -> np.ndarray:
    return np.array(read(image).any(), np.int64)


def _read_limited(
    path: Path, decode: Callable[[np.ndarray], np.ndarray] | None, limit: int | None, image: Image
) -> np.ndarray:
    mask = read_mask(path, image, decode or decoder_of(limit))
    if limit is not None:
        check_named(mask, limit, path)
    return mask


def _parts_of_lone(read: ReadLabel, image: Image) -> np.ndarray:
    """Number the parts of a mask in which 1 is the only number; other maps number their objects already."""
    instances = read(image)
    return parts_of(instances) if instances.max(initial=0) == 1 else instances


def _boxes_of_instances(read: ReadLabel, image: Image) -> np.ndarray:
    return _with_class(boxes_of_labels(read(image))[0])


def _points_of_instances(read: ReadLabel, image: Image) -> np.ndarray:
    instances = read(image)
    numbers = np.unique(instances[instances > 0])
    centres = np.array(ndimage.center_of_mass(instances > 0, instances, numbers), np.float64)
    return _with_class(centres.reshape(-1, instances.ndim)[:, ::-1])


def _with_class(rows: np.ndarray) -> np.ndarray:
    return np.hstack([np.zeros((len(rows), 1)), rows])


READERS: dict[str, Callable[[Folder, str], ReadLabel]] = {
    "label": _label,
    "marked": _marked,
    "mask": _mask,
    "place": partial(_mask, unnamed=True),
    "instances": _instances,
    "boxes": _boxes,
    "ignored": _ignored,
    "points": _points,
}
