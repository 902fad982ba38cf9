"""COCO's JSON beside images/: boxes.json of a detector, instances.json with run lengths, and split.csv for the zoo."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from zoo.common.boxes import boxes_of_labels
from zoo.common.datasets.written import Job
from zoo.common.datasets.written.images import copy_or_write
from zoo.common.errors import DataError
from zoo.common.instances.measures import add_up
from zoo.common.instances.rle import all_runs, encode_runs
from zoo.common.labels import UNKNOWN
from zoo.common.tables import write_csv
from zoo.common.types import Sample

TASKS = ("detection", "instance-segmentation", "segmentation")


def write(job: Job) -> None:
    """Write the pictures and one annotation per object; of a segmentation, one per class and picture."""
    (job.folder / "images").mkdir()
    images: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    lines = []
    largest = 0
    for number, (name, record) in enumerate(zip(job.names(), job.dataset.records, strict=True), 1):
        sample = record.load()
        if sample.image.array.ndim != 3:
            raise DataError(f"{record.name}: a volume; COCO holds pictures. Write nnunet or a manifest")
        path = copy_or_write(sample.image, job.folder / "images" / name)
        h, w = sample.image.size
        images.append({"id": number, "file_name": path.name, "height": h, "width": w})
        for entry in _entries(sample, job.task):
            largest = max(largest, entry["category_id"])
            found.append({"id": len(found) + 1, "image_id": number, "iscrowd": 0, **entry})
        lines.append({"id": name, "split": record.split, "group": record.group})
        job.advance(1)
    categories = [{"id": i, "name": text} for i, text in enumerate(_names(job, largest), 1)]
    table = {"images": images, "annotations": found, "categories": categories}
    file_name = "boxes.json" if job.task == "detection" else "instances.json"
    (job.folder / file_name).write_text(json.dumps(table), encoding="utf-8")
    write_csv(job.folder / "split.csv", lines)


def _entries(sample: Sample, task: str) -> list[dict[str, Any]]:
    """List the annotations of a picture; COCO counts categories from 1."""
    if task == "detection":
        return [
            {"category_id": int(kind) + 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
            for kind, x1, y1, x2, y2 in np.asarray(sample.labels["boxes"], np.float64).tolist()
        ]
    key = "mask" if task == "segmentation" else "instances"
    labels = np.asarray(sample.labels[key])
    if key == "mask" and (labels == UNKNOWN).any():
        raise DataError(
            f"{sample.image.name}: has pixels that are unknown ({UNKNOWN}), for which COCO has no word; expected whole "
            "masks. Write the data as nnunet or as a manifest"
        )
    top, out = int(labels.max(initial=0)), []
    runs, areas = all_runs(labels, top), add_up(labels, top)
    for (x1, y1, x2, y2), value in zip(*(part.astype(int).tolist() for part in boxes_of_labels(labels)), strict=True):
        shape = {"size": list(labels.shape), "counts": encode_runs(runs[value - 1])}
        kind = value if task == "segmentation" else 1
        box = [x1, y1, x2 - x1, y2 - y1]
        out.append({"category_id": kind, "bbox": box, "area": int(areas[value - 1]), "segmentation": shape})
    return out


def _names(job: Job, largest: int) -> tuple[str, ...]:
    """Name the categories: the classes of the data, without the background of masks, or numbers."""
    if job.task == "instance-segmentation":
        return ("object",)
    names = job.dataset.classes[1:] if job.task == "segmentation" else job.dataset.classes
    return names or tuple(f"class {i}" for i in range(1, largest + 1))
