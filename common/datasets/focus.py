"""FOCUS: public fetal four-chamber views with the ellipses of thorax and heart (Zenodo 14597550).

{training,validation,testing}/images/<n>.png and annfiles_ellipse/<n>.txt with lines `cx cy a b angle class`: semi-axes
[px], degrees from +x towards +y, class thoracic or cardiac. Only testing/ was seen; the other names are a guess.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import SPLITS, Record, describe
from zoo.common.datasets.columns import split_name
from zoo.common.datasets.folders import by_name, files_of, folders
from zoo.common.datasets.texts import read_text
from zoo.common.ellipses import geometry as ellipses
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Sample

CLASSES = ("thorax", "heart")
NUMBERS = {"thoracic": 0, "cardiac": 1}


def recognises(root: Path) -> bool:
    """Say whether a split holds images/ and annfiles_ellipse/."""
    return bool(_parts(root))


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the two ellipses."""
    return CLASSES


def read(root: Path, task: str) -> list[Record]:
    """List the views; patients are not given, so each is its own group."""
    if task != "ellipse-detection":
        raise DataError(f"{root}: FOCUS is read for ellipse-detection, not for {task}")
    records = []
    for folder, split in _parts(root):
        for name, path in by_name(folder / "images").items():
            listing = folder / "annfiles_ellipse" / f"{name}.txt"
            if not listing.is_file():
                raise DataError(f"{listing}: this annotation is missing; {describe(listing.parent)}")
            full = f"{folder.name}/{name}"
            records.append(Record(full, split, full, partial(_load, path, listing, full), (*files_of(path), listing)))
    return records


def _parts(root: Path) -> list[tuple[Path, str]]:
    found = [(folder, split_name(folder.name)) for folder in folders(root)]
    parts = [(f, split) for f, split in found if (f / "annfiles_ellipse").is_dir() and (f / "images").is_dir()]
    return sorted((part for part in parts if part[1] in SPLITS), key=lambda part: SPLITS.index(part[1]))


def _load(path: Path, listing: Path, name: str) -> Sample:
    rows = []
    for number, line in enumerate(read_text(listing).splitlines(), 1):
        if not line.strip():
            continue
        *values, kind = line.split()
        try:
            cx, cy, a, b, degrees = (float(value) for value in values)
            rows.append([NUMBERS[kind], cx, cy, a, b, np.radians(degrees)])
        except (ValueError, KeyError) as error:
            raise DataError(
                f"{listing}, line {number}: {line!r}; expected cx cy a b angle and thoracic or cardiac"
            ) from error
    labels = {"ellipses": ellipses.canonical(np.array(rows, np.float64).reshape(-1, 6))}
    return Sample(read_image(path), labels, group=name)
