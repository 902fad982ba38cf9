"""Medical Segmentation Decathlon: dataset.json, imagesTr/ and labelsTr/ (Antonelli et al. 2022)."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from zoo.common.datasets import Record, describe
from zoo.common.datasets.masks import mapped, read_masked
from zoo.common.errors import DataError


def recognises(root: Path) -> bool:
    """Say whether there is a dataset.json beside labels of training images."""
    return (root / "dataset.json").is_file() and (root / "labelsTr").is_dir()


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the labels of dataset.json in the order of their numbers."""
    return tuple(name for _, name in _labels(_content(root), root))


def read(root: Path, task: str) -> list[Record]:
    """List the training volumes; the official test has no labels, so a split is drawn."""
    if task != "segmentation":
        raise DataError(f"{root}: the Decathlon is read for segmentation, not for {task}")
    content = _content(root)
    table = {value: number for number, (value, _) in enumerate(_labels(content, root))}
    records = []
    for pair in content.get("training", []):
        image, label = root / pair["image"], root / pair["label"]
        for path in (image, label):
            if not path.is_file():
                raise DataError(f"{path}: named in dataset.json but missing; {describe(root)}")
        name = image.name.split(".nii")[0]
        records.append(Record(name, "", name, partial(read_masked, image, label, name, mapped(table))))
    return records


def _content(root: Path) -> dict:
    try:
        content = json.loads((root / "dataset.json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{root / 'dataset.json'}: cannot be read ({error}); {describe(root)}") from error
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        raise DataError(f"{root / 'dataset.json'}: no table `labels`; expected the Decathlon's file")
    return content


def _labels(content: dict, root: Path) -> list[tuple[int, str]]:
    labels = content["labels"]
    try:
        if all(isinstance(value, int) for value in labels.values()):  # nnU-Net swaps name and number
            labels = {value: name for name, value in labels.items()}
        return sorted((int(value), str(name)) for value, name in labels.items())
    except ValueError as error:
        raise DataError(f"{root / 'dataset.json'}: labels {labels}; expected numbers with names") from error
