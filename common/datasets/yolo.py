"""Boxes as lines of shares, as YOLO's tools write them.

images/<split>/<name>.<any> with labels/<split>/<name>.txt, or <split>/images and <split>/labels; one line per box:
class cx cy w h as shares of the picture, and perhaps a score. A picture without a file, or with an empty one, has no
box. data.yaml (names: a list, or numbers with names) or classes.txt names the classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from zoo.common.boxes import from_centre_size
from zoo.common.datasets import Record, describe
from zoo.common.datasets.columns import split_name
from zoo.common.datasets.folders import by_name, entries, files_of, folders
from zoo.common.datasets.texts import read_text
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Sample

NAMES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt", "obj.names")


def recognises(root: Path) -> bool:
    """Say whether text files of labels lie beside images, per split."""
    return any(_texts(labels) for _, _, labels in _parts(root))


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the classes in the order of their numbers; () where no file does."""
    path = next((root / name for name in NAMES if (root / name).is_file()), None)
    if path is None:
        return ()
    text = read_text(path)
    if path.suffix not in (".yaml", ".yml"):
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    try:
        names = yaml.safe_load(text)["names"]
        names = [names[i] for i in range(len(names))] if isinstance(names, dict) else list(names)
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise DataError(f"{path}: no list `names` ({type(error).__name__}); expected a name for each number") from error
    return tuple(str(name) for name in names)


def read(root: Path, task: str) -> list[Record]:
    """List the pictures; each stands for itself, since these folders tell no patients."""
    if task != "detection":
        raise DataError(f"{root}: boxes of YOLO's layout are read for detection, not for {task}")
    names, records = classes(root, task), []
    for split, images, labels in _parts(root):
        lines = {path.stem: path for path in _texts(labels)}
        pictures = by_name(images)
        if unknown := sorted(set(lines) - set(pictures)):
            raise DataError(f"{labels}: {len(unknown)} files without an image in {images}/, such as {unknown[0]}.txt")
        for name, path in pictures.items():
            full = f"{split}/{name}" if split else name
            load = partial(_load, path, lines.get(name), len(names), full)
            records.append(Record(full, split, full, load, files_of(path, lines.get(name))))
    if not records:
        raise DataError(f"{root}: no image found; {describe(root)}")
    return records


def _parts(root: Path) -> Iterator[tuple[str, Path, Path]]:
    """Find the folders of images and of their labels, with the split's name."""
    images, labels = root / "images", root / "labels"
    inner = [folder for folder in folders(images) if (labels / folder.name).is_dir()]
    if inner:
        yield from ((split_name(folder.name), folder, labels / folder.name) for folder in inner)
    elif images.is_dir() and labels.is_dir():
        yield "", images, labels
    else:
        for folder in folders(root):
            if (folder / "images").is_dir() and (folder / "labels").is_dir():
                yield split_name(folder.name), folder / "images", folder / "labels"


def _texts(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if path.suffix.lower() == ".txt" and path.name not in NAMES]


def _load(path: Path, lines: Path | None, count: int, name: str) -> Sample:
    image = read_image(path)
    h, w = image.size[-2:]
    rows = [_row(line, lines, number) for number, line in enumerate(_lines(lines), start=1) if line.split()]
    values = np.array(rows, np.float64).reshape(-1, 5)
    if count and len(values) and values[:, 0].max() >= count:
        raise DataError(f"{lines}: class {values[:, 0].max():g}; the names count {count}, from 0")
    boxes = from_centre_size(values[:, 1:] * (w, h, w, h))
    return Sample(image, {"boxes": np.column_stack([values[:, 0], boxes])}, group=name)


def _lines(path: Path | None) -> list[str]:
    return [] if path is None else read_text(path).splitlines()


def _row(line: str, path: Path | None, number: int) -> list[float]:
    try:
        values = [float(part) for part in line.split()]
    except ValueError:
        values = []
    ok = len(values) in (5, 6) and values[0] >= 0 and values[0] % 1 == 0 and all(0 <= v <= 1 for v in values[1:5])
    if not ok:
        raise DataError(f"{path}, line {number}: {line.strip()!r}; expected class, cx, cy, w, h as shares from 0 to 1")
    return values[:5]
