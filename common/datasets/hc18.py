"""HC18: fetal head ultrasound with the sonographer's ellipse and head circumference.

van den Heuvel et al. 2018, CC BY 4.0. Two layouts: the official one (training_set/ and its CSV; the official test set
has no labels and is left alone) and a reduced one (images/ and split.csv with the ellipses already measured).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from zoo.common.datasets import Record
from zoo.common.datasets.folders import by_name
from zoo.common.datasets.tables import columns, rows
from zoo.common.ellipses import geometry as ellipses
from zoo.common.errors import DataError
from zoo.common.types import Image, Sample

CLASSES = ("head",)
TASKS = ("ellipse-detection", "segmentation")
OFFICIAL_CSV = "training_set_pixel_size_and_HC.csv"
REDUCED_COLUMNS = {"id", "split", "exam", "pixel_mm", "hc_mm", "cx", "cy", "a", "b", "theta"}


def recognises(root: Path) -> bool:
    """Say whether the folder holds HC18, official or reduced."""
    return (root / OFFICIAL_CSV).is_file() or columns(root / "split.csv") >= REDUCED_COLUMNS


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the one structure that is marked."""
    return ("background", *CLASSES) if task == "segmentation" else CLASSES


def read(root: Path, task: str) -> list[Record]:
    """List the cases; an examination (repeated frames of one fetus) is a group.

    The official layout has no split, so the records come without one.
    """
    if task not in TASKS:
        raise DataError(f"{root}: HC18 is read for {', '.join(TASKS)}, not for {task}")
    if (root / OFFICIAL_CSV).is_file():
        return [_official(root, row) for row in rows(root / OFFICIAL_CSV)]
    if (root / "split.csv").is_file():
        pictures = by_name(root / "images")
        return [_reduced(row, pictures.get(row["id"], root / "images" / row["id"])) for row in rows(root / "split.csv")]
    raise DataError(f"{root}: HC18 needs {OFFICIAL_CSV} (official) or split.csv (reduced); neither is there")


def examination(name: str) -> str:
    """Return the examination of a frame: 010_HC and 010_2HC are two frames of 010."""
    return name.split("_", 1)[0]


def _reduced(row: dict[str, str], picture: Path) -> Record:
    ellipse = np.array([0, *(float(row[key]) for key in ("cx", "cy", "a", "b", "theta"))])
    load = partial(_load, picture, float(row["pixel_mm"]), float(row["hc_mm"]), row["exam"], ellipse)
    return Record(row["id"], row["split"], row["exam"], load, (picture,))


def _official(root: Path, row: dict[str, str]) -> Record:
    name, pixel_mm, hc_mm = list(row.values())[:3]  # the headers hold units and have changed between releases
    picture = root / "training_set" / name
    load = partial(_load, picture, float(pixel_mm), float(hc_mm), examination(name), None)
    files = (picture, _outline(picture))
    return Record(picture.stem, "", examination(name), load, files)


def _load(picture: Path, pixel_mm: float, hc_mm: float, exam: str, ellipse: np.ndarray | None) -> Sample:
    if ellipse is None:
        ellipse = _fit_outline(_outline(picture))
    # the line was drawn with a pen: measured ellipses lie half its width outside (0.64 px in the reduced set, the
    # same in all 801 frames), so the boundary is moved until its length is the head circumference that was recorded
    ellipse = ellipses.with_circumference(ellipse, hc_mm / pixel_mm)
    grey = _grey(picture)
    h, w = grey.shape
    rows = ellipses.canonical(ellipse)
    labels = {"ellipses": rows, "mask": ellipses.fill(rows[0], (h, w)).astype(np.int16)}
    return Sample(Image(grey[None], (pixel_mm, pixel_mm), name=picture.stem), labels, group=exam)


def _outline(picture: Path) -> Path:
    return picture.with_name(f"{picture.stem}_Annotation.png")


def _fit_outline(picture: Path) -> np.ndarray:
    ys, xs = np.nonzero(_grey(picture) > 127)
    ellipse = ellipses.fit_points(np.stack([xs, ys], axis=-1).astype(np.float64))
    if not np.isfinite(ellipse).all():
        raise DataError(f"{picture}: {xs.size} bright pixels that form no ellipse; expected the outline of a head")
    return ellipse


def _grey(picture: Path) -> np.ndarray:
    try:
        with Picture.open(picture) as file:
            return np.asarray(file.convert("L"), np.float32)
    except OSError as error:
        raise DataError(f"{picture}: cannot be read as a picture ({error}); is the data set complete?") from error
