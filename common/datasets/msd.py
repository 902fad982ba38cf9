"""Medical Segmentation Decathlon: dataset.json, imagesTr/ and labelsTr/ (Antonelli et al. 2022)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from zoo.common.datasets import Record, describe
from zoo.common.datasets.folders import files_of
from zoo.common.datasets.masks import read_masked
from zoo.common.datasets.nnunet import numbers_of, only, read_labels
from zoo.common.datasets.texts import read_json
from zoo.common.datasets.unlabelled import image_alone
from zoo.common.errors import DataError


def recognises(root: Path) -> bool:
    """Say whether there is a dataset.json beside labels of training images."""
    return (root / "dataset.json").is_file() and (root / "labelsTr").is_dir()


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the labels of dataset.json in the order of their numbers."""
    return tuple(name for _, name in read_labels(_content(root), root))


def read(root: Path, task: str) -> list[Record]:
    """List the training volumes; the official test has no labels, so a split is drawn."""
    if task != "segmentation":
        raise DataError(f"{root}: the Decathlon is read for segmentation, not for {task}")
    content = _content(root)
    table = numbers_of(content, root)
    records = []
    pairs = content.get("training")
    if not isinstance(pairs, list):
        raise DataError(
            f"{root / 'dataset.json'}: no list `training` of pairs; expected the Decathlon's file, or nnU-Net's with "
            "`channel_names` and images called <case>_0000. Complete it"
        )
    for pair in pairs:
        image = root / pair["image"]
        name = image.name.split(".nii")[0]
        if not pair.get("label"):
            lacks = f"{root / 'dataset.json'}: {name} has no label; expected a pair of files"
            load = partial(image_alone, (image,), name, name)
            records.append(Record(name, "", name, load, files_of(image), lacks=lacks))
            continue
        label = root / pair["label"]
        for path in (image, label):
            if not path.is_file():
                raise DataError(f"{path}: named in dataset.json but missing; {describe(root)}")
        load = partial(read_masked, image, label, name, only(table))
        records.append(Record(name, "", name, load, files_of(image, label)))
    return records


def _content(root: Path) -> dict:
    content = read_json(root / "dataset.json")
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        raise DataError(f"{root / 'dataset.json'}: no table `labels`; expected the Decathlon's file")
    return content
