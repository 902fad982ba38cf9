"""The zoo's own manifest: manifest.csv with a line per image or object, images/, masks/ and classes.txt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.datasets.written import Job
from zoo.common.datasets.written.images import PICTURE, VOLUME, copy_or_write
from zoo.common.io.write import write_labels
from zoo.common.labels import TASKS as KNOWN
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
    for name, record in zip(job.names(), job.dataset.records, strict=True):
        sample = record.load()
        image = copy_or_write(sample.image, job.folder / "images" / name)
        head = {"image": f"images/{image.name}", "split": record.split, "group": record.group}
        lines += _lines(job, sample, name, head)
        job.advance(1)
    write_csv(job.folder / "manifest.csv", lines)
    if job.dataset.classes:
        (job.folder / "classes.txt").write_text("\n".join(job.dataset.classes) + "\n", encoding="utf-8")


def _lines(job: Job, sample: Sample, name: str, head: dict[str, Any]) -> list[dict[str, Any]]:
    classes = job.dataset.classes
    for key, value in sample.labels.items():
        if key == "label":
            head["label"] = classes[int(value)] if classes else int(value)
        elif key in MASKS:
            head[key] = _write_mask(job, sample, name, key) if np.any(value) or key == "mask" else ""
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
