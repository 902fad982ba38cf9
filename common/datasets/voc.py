"""Boxes in Pascal VOC's XML (Everingham et al. 2010).

Annotations/<name>.xml, JPEGImages/<name>.<any> (or images/), ImageSets/Main/{train,val,test}.txt: names; without these
a split is drawn. Corners count from 1 and both lie inside the box. Objects marked as difficult become regions in which
a detector's boxes are neither right nor wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from zoo.common.datasets import SPLITS, Record, describe
from zoo.common.datasets.folders import by_name, entries, files_of, find_name, unknown_names
from zoo.common.datasets.texts import read_text
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Sample

PICTURES = ("JPEGImages", "images")
CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Marked:
    """The objects of one picture: names and corners (k, 4) as the zoo counts them, and which are difficult."""

    names: tuple[str, ...]
    corners: np.ndarray
    is_difficult: np.ndarray


def recognises(root: Path) -> bool:
    """Say whether there is Annotations/ with XML beside a folder of pictures."""
    return bool(_files(root)) and _pictures(root) is not None


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the classes in the order of the alphabet."""
    return tuple(sorted({name for path in _files(root) for name in parse(path).names}))


def read(root: Path, task: str) -> list[Record]:
    """List the pictures with annotations; each stands for itself, since these files tell no patients."""
    folder = _pictures(root)
    if task != "detection" or folder is None:
        raise DataError(f"{root}: Pascal VOC is read for detection, with {' or '.join(PICTURES)}/; {describe(root)}")
    pictures, names = by_name(folder), classes(root, task)
    splits: dict[str, str] = {}
    for path in entries(root / "ImageSets" / "Main"):
        if path.stem in SPLITS:
            splits |= {line.split()[0]: path.stem for line in read_text(path).splitlines() if line.split()}
    found, unknown = [], []
    for path in _files(root):
        name = find_name(path.stem, pictures, str(root / "Annotations"))
        if name is None:
            unknown.append(path.stem)
        elif not splits or path.stem in splits:
            load = partial(_load, pictures[name], path, names)
            found.append(Record(name, splits.get(path.stem, ""), name, load, files_of(pictures[name], path)))
    if unknown:
        raise unknown_names(unknown, pictures, str(root / "Annotations"), folder)
    return found


def parse(path: Path) -> Marked:
    """Read one file; DataError where it is not what it should be."""
    try:
        objects = ElementTree.parse(path).getroot().findall("object")
        names = tuple(_text(item, "name") for item in objects)
        rows = [[float(_text(item, f"bndbox/{side}")) for side in CORNERS] for item in objects]
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(f"{path}: not an annotation of Pascal VOC ({error})") from error
    difficult = np.array([(item.findtext("difficult") or "0").strip() == "1" for item in objects], bool)
    corners = np.array(rows, np.float64).reshape(-1, 4) - (1, 1, 0, 0)
    return Marked(names, corners, difficult)


def _text(item: ElementTree.Element, tag: str) -> str:
    text = item.findtext(tag)
    if not text or not text.strip():
        raise ValueError(f"an object without {tag}")
    return text.strip()


def _files(root: Path) -> list[Path]:
    return [path for path in entries(root / "Annotations") if path.suffix.lower() == ".xml"]


def _pictures(root: Path) -> Path | None:
    return next((root / name for name in PICTURES if (root / name).is_dir()), None)


def _load(path: Path, annotation: Path, names: tuple[str, ...]) -> Sample:
    marked = parse(annotation)
    kinds = np.array([names.index(name) for name in marked.names], np.float64)
    boxes, easy = np.column_stack([kinds, marked.corners]), ~marked.is_difficult
    return Sample(read_image(path), {"boxes": boxes[easy], "ignored": marked.corners[~easy]}, group=path.stem)
