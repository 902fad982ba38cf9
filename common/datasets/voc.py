"""Boxes in Pascal VOC's XML (Everingham et al. 2010).

Annotations/<name>.xml, JPEGImages/<name>.<any> (or images/), ImageSets/Main/{train,val,test}.txt: names; without these
a split is drawn. Corners count from 1 and both lie inside the box. Objects marked as difficult become regions in which
a detector's boxes are neither right nor wrong.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from zoo.common.datasets import SPLITS, Record, describe
from zoo.common.datasets.folders import by_name, entries, files_of, find_name, unknown_names
from zoo.common.datasets.places import check_size
from zoo.common.datasets.texts import read_text
from zoo.common.errors import DataError, ZooWarning
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
    size: tuple[float, float] | None  # (width, height) of the picture that was annotated, where the file tells it


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
    splits = _splits(root)
    files, found, unknown = _files(root), [], []
    for path in files:
        name = find_name(path.stem, pictures, str(root / "Annotations"))
        if name is None:
            unknown.append(path.stem)
        elif not splits or path.stem in splits:
            load = partial(_load, pictures[name], path, names)
            found.append(Record(name, splits.get(path.stem, ""), name, load, files_of(pictures[name], path)))
    if unknown:
        raise unknown_names(unknown, pictures, str(root / "Annotations"), folder)
    if lost := sorted(set(splits) - {path.stem for path in files}):
        raise DataError(f"{root}: {len(lost)} listed pictures have no file in Annotations/, such as {lost[0]}")
    left = [path.stem for path in files if splits and path.stem not in splits]
    if left:
        text = f"{root}: {len(left)} annotated pictures are in no list, such as {left[0]}; they are left out"
        warnings.warn(text, ZooWarning, stacklevel=2)
    return found


def _splits(root: Path) -> dict[str, str]:
    """Read the lists of names; {} where there are none."""
    splits: dict[str, str] = {}
    for path in entries(root / "ImageSets" / "Main"):
        if path.stem in SPLITS:
            names_listed = {line.split()[0] for line in read_text(path).splitlines() if line.split()}
            if twice := sorted(names_listed & set(splits)):
                raise DataError(f"{path}: {twice[0]} is in {splits[twice[0]]}.txt, too; expected each picture in one")
            splits |= dict.fromkeys(names_listed, path.stem)
    return splits


def parse(path: Path) -> Marked:
    """Read one file; DataError where it is not what it should be."""
    try:
        tree = ElementTree.parse(path).getroot()
        objects = tree.findall("object")
        width, height = (float(tree.findtext(f"size/{side}") or 0) for side in ("width", "height"))
        names = tuple(_text(item, "name") for item in objects)
        rows = [[float(_text(item, f"bndbox/{side}")) for side in CORNERS] for item in objects]
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(f"{path}: not an annotation of Pascal VOC ({error})") from error
    difficult = np.array([(item.findtext("difficult") or "0").strip() == "1" for item in objects], bool)
    corners = np.array(rows, np.float64).reshape(-1, 4) - (1, 1, 0, 0)
    return Marked(names, corners, difficult, (width, height) if width > 0 and height > 0 else None)


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
    image = read_image(path)
    check_size(marked.size, image.size, str(annotation))
    return Sample(image, {"boxes": boxes[easy], "ignored": marked.corners[~easy]}, group=path.stem)
