"""The zoo's own manifest: manifest.csv with a line per image or object, images/, masks/ and classes.txt.

Where a mask of two classes holds background and 255 alone, which is black and white as a rule, classes.txt has a third
line, `unknown`. Images of the split `unlabelled` get no mask.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.datasets import UNLABELLED
from zoo.common.datasets.masks import BLACK_AND_WHITE
from zoo.common.datasets.unknown import NAME
from zoo.common.datasets.written import Job
from zoo.common.datasets.written.images import PICTURE, VOLUME, copy_or_write
from zoo.common.io.write import write_labels
from zoo.common.labels import TASKS as KNOWN
from zoo.common.labels import UNKNOWN
from zoo.common.tables import write_csv
from zoo.common.types import Sample

TASKS = tuple(KNOWN)
ROWS = {  # label: columns of its rows after the class
    "boxes": ("x1", "y1", "x2", "y2", "z1", "z2"),
    "points": ("x", "y", "z"),
    "ellipses": ("cx", "cy", "a", "b", "theta"),
}
MASKS = ("mask", "instances")


def write(job: Job) -> None:
    """Write the images, the masks and the table."""
    (job.folder / "images").mkdir()
    lines: list[dict[str, Any]] = []
    names = job.dataset.classes
    for name, record in zip(job.names(), job.dataset.records, strict=True):
        sample = record.load()
        image = copy_or_write(sample.image, job.folder / "images" / name)
        head: dict[str, Any] = {"image": f"images/{image.name}", "split": record.split, "group": record.group}
        if (side_mm := _pixel_mm(sample)) is not None:
            head["pixel_mm"] = side_mm
        lines += _lines(job, sample, name, head)
        if len(names) == BLACK_AND_WHITE and record.split != UNLABELLED and _seems_black_and_white(sample):
            names = (*names, NAME)
        job.advance(1)
    write_csv(job.folder / "manifest.csv", lines)
    if names:
        (job.folder / "classes.txt").write_text("\n".join(names) + "\n", encoding="utf-8")


def _pixel_mm(sample: Sample) -> float | None:
    """Return the side of a picture's square pixels, which most files of pictures do not hold."""
    spacing = sample.image.spacing_mm
    return spacing[0] if spacing is not None and len(spacing) == 2 and spacing[0] == spacing[1] else None


def _seems_black_and_white(sample: Sample) -> bool:
    mask = np.asarray(sample.labels.get("mask", 0))
    return bool((mask == UNKNOWN).any() and ((mask == UNKNOWN) | (mask == 0)).all())


def _lines(job: Job, sample: Sample, name: str, head: dict[str, Any]) -> list[dict[str, Any]]:
    classes = job.dataset.classes
    for key, value in sample.labels.items():
        if key == "label":
            head["label"] = classes[int(value)] if classes else int(value)
        elif key in MASKS:
            is_drawn = head["split"] != UNLABELLED and (np.any(value) or key == "mask")
            head[key] = _write_mask(job, sample, name, key) if is_drawn else ""
    found = [key for key in sample.labels if key in ROWS]
    if not found:
        return [head]
    rows = np.asarray(sample.labels[found[0]], np.float64)
    columns = ROWS[found[0]][: rows.shape[1] - 1] if len(rows) else ROWS[found[0]][:2]
    if not len(rows):
        return [head | dict.fromkeys(columns, "")]
    return [
        {**head, "label": classes[int(row[0])] if classes else int(row[0]), **dict(zip(columns, row[1:], strict=True))}
        for row in rows.tolist()
    ]


def _write_mask(job: Job, sample: Sample, name: str, key: str) -> str:
    mask = np.asarray(sample.labels[key])
    folder = Path("masks" if key == "mask" else "instances")
    path = folder / f"{name}{PICTURE if mask.ndim == 2 and mask.max(initial=0) < 256 else VOLUME}"
    (job.folder / folder).mkdir(exist_ok=True)
    count = int(mask.max(initial=0)) + 1
    write_labels(job.folder / path, mask, sample.image, tuple(map(str, range(count))))
    return path.as_posix()
