"""nnU-Net's folders, version 2: imagesTr/<case>_0000.*, labelsTr/<case>.*, dataset.json, the split beside them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from zoo.common.datasets.written import Job
from zoo.common.datasets.written.images import PICTURE, VOLUME, deep, is_picture, plain, write_picture
from zoo.common.errors import DataError
from zoo.common.io.nifti_write import write_nifti
from zoo.common.io.write import write_labels
from zoo.common.labels import UNKNOWN
from zoo.common.types import Image, Sample

TASKS = ("segmentation",)
RGB = ("R", "G", "B")


def write(job: Job) -> None:
    """Write the cases; test goes to imagesTs and labelsTs, train and val stand in splits_final.json."""
    classes, ending = job.dataset.classes, ""
    channels: tuple[str, ...] = ()
    largest, ignored = len(classes) - 1, len(classes) or UNKNOWN
    has_ignored = False
    for name, record in zip(job.names(), job.dataset.records, strict=True):
        sample = record.load()
        image, mask = sample.image, np.asarray(sample.labels["mask"])
        known = mask[mask != UNKNOWN]
        has_ignored = has_ignored or known.size < mask.size
        if not ending:
            ending, channels = PICTURE if is_picture(image) else VOLUME, _channels(image)
        if _channels(image) != channels:
            raise DataError(f"{record.name}: channels {_channels(image)}; expected {channels}, as the first case has")
        part = "Ts" if record.split == "test" else "Tr"
        sample = replace(sample, labels={"mask": np.where(mask == UNKNOWN, ignored, mask)})
        _write_case(sample, name, part, ending, job.folder, max(largest, 1))
        largest = max(largest, int(np.max(known, initial=0)))
        job.advance(1)
    names = classes or ("background", *(f"class {i}" for i in range(1, largest + 1)))
    _write_tables(job, names, ending, channels, {"ignore": ignored} if has_ignored else {})


def _write_case(sample: Sample, name: str, part: str, ending: str, folder: Path, largest: int) -> None:
    images, labels = folder / f"images{part}", folder / f"labels{part}"
    images.mkdir(exist_ok=True)
    if ending == PICTURE:
        write_picture(sample.image, images / f"{name}_0000{PICTURE}")  # colours are one file, as nnU-Net reads them
        place, mask = sample.image, np.asarray(sample.labels["mask"])
    else:
        place = deep(sample.image)
        mask = np.asarray(sample.labels["mask"]).reshape(place.size)
        for number, channel in enumerate(place.array):
            write_nifti(images / f"{name}_{number:04}{VOLUME}", plain(channel), place)
    count = max(largest, int(mask.max(initial=0))) + 1
    bare = replace(place, array=place.array[:1])
    write_labels(labels / f"{name}{ending}", mask, bare, tuple(map(str, range(count))))


def _write_tables(
    job: Job, classes: tuple[str, ...], ending: str, channels: tuple[str, ...], ignored: dict[str, int]
) -> None:
    records = list(zip(job.names(), job.dataset.records, strict=True))
    table = {
        "channel_names": {str(i): name for i, name in enumerate(channels)},
        "labels": {**{name: number for number, name in enumerate(classes)}, **ignored},
        "numTraining": sum(record.split != "test" for _, record in records),
        "file_ending": ending,
    }
    split = {part: [name for name, record in records if record.split == part] for part in ("train", "val")}
    (job.folder / "dataset.json").write_text(json.dumps(table, indent=2), encoding="utf-8")
    (job.folder / "splits_final.json").write_text(json.dumps([split], indent=1), encoding="utf-8")


def _channels(image: Image) -> tuple[str, ...]:
    count = image.array.shape[0]
    if is_picture(image) and count == 3:
        return RGB
    word = {"MR": "MRI"}.get(image.modality, image.modality) or "channel"
    return (word,) if count == 1 else tuple(f"{word} {i}" for i in range(count))
