"""nnU-Net's raw data: dataset.json, imagesTr/<case>_0000.<ending> and one file per further channel, labelsTr/<case>.

Both kinds of dataset.json: with `channel_names`, numbers by name and `file_ending`, and the older one with `modality`
and names by number. imagesTs/ has no labels as a rule and is left alone; a split is drawn. Regions, which overlap, and
an `ignore` label are refused. From the published description of the format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import Record, describe
from zoo.common.datasets.folders import files_of, pictures
from zoo.common.datasets.masks import read_mask
from zoo.common.datasets.texts import check_names, read_json
from zoo.common.errors import DataError, InputError
from zoo.common.io import file_suffix, read_image
from zoo.common.types import Image, Sample

FIRST = "_0000"  # the first channel of a case


def recognises(root: Path) -> bool:
    """Say whether there is a dataset.json beside images whose channels are numbered."""
    if not (root / "dataset.json").is_file() or not (root / "labelsTr").is_dir():
        return False
    return any(_stem(path).endswith(FIRST) for path in pictures(root / "imagesTr"))


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the labels of dataset.json in the order of their numbers."""
    return tuple(name for _, name in read_labels(_content(root), root))


def read(root: Path, task: str) -> list[Record]:
    """List the training cases."""
    if task != "segmentation":
        raise DataError(f"{root}: nnU-Net's data is read for segmentation, not for {task}")
    content = _content(root)
    table = {value: number for number, (value, _) in enumerate(read_labels(content, root))}
    ending = content.get("file_ending")
    images = [path for path in pictures(root / "imagesTr") if ending in (None, file_suffix(path))]
    masks = {_stem(path): path for path in pictures(root / "labelsTr") if ending in (None, file_suffix(path))}
    cases: dict[str, list[Path]] = {}
    for path in images:
        name, _, channel = _stem(path).rpartition("_")
        if not name or len(channel) != 4 or not channel.isdigit():
            raise DataError(f"{path}: expected <case>_0000{file_suffix(path)}, the number being the channel. Rename it")
        cases.setdefault(name, []).append(path)
    _check(root, content, cases, masks)
    return [
        Record(name, "", name, partial(_load, paths, masks[name], name, table), files_of(*paths, masks[name]))
        for name, paths in cases.items()
    ]


def read_labels(content: Mapping[str, object], root: Path) -> list[tuple[int, str]]:
    """Return number and name of each label of dataset.json, whichever of the two is the key."""
    labels, where = content["labels"], root / "dataset.json"
    if not isinstance(labels, dict):
        raise DataError(f"{where}: labels {labels!r}; expected numbers with names")
    if regions := [name for name, value in labels.items() if isinstance(value, (list, tuple))]:
        raise DataError(
            f"{where}: {', '.join(regions)} are regions of several numbers; expected one number per class, as pixels "
            "have one class here. Number the classes without overlap"
        )
    if "ignore" in labels:
        raise DataError(
            f"{where}: has a label `ignore`; expected classes only. Give these pixels a class, or leave the cases out"
        )
    try:
        if all(isinstance(value, int) for value in labels.values()):  # the newer kind: numbers by name
            labels = {value: name for name, value in labels.items()}
        found = sorted((int(value), str(name)) for value, name in labels.items())
    except ValueError as error:
        raise DataError(f"{where}: labels {labels}; expected numbers with names") from error
    check_names(tuple(name for _, name in found), str(where))
    if not found or found[0][0] != 0:
        raise DataError(f"{where}: labels {labels}; expected the background as number 0. Add it")
    return found


def only(table: Mapping[int, int]) -> Callable[[np.ndarray], np.ndarray]:
    """Return a decoder that looks stored values up and refuses those that are not in the table."""
    return partial(_look_up, dict(table))


def _look_up(table: Mapping[int, int], stored: np.ndarray) -> np.ndarray:
    values, places = np.unique(stored, return_inverse=True)
    unknown = [f"{value:g}" for value in values if value not in table]
    if unknown:
        raise InputError(f"holds {', '.join(unknown[:5])}; expected the labels of dataset.json, {sorted(table)}")
    return np.array([table[int(value)] for value in values], np.int16)[places].reshape(stored.shape)


def _content(root: Path) -> dict:
    content = read_json(root / "dataset.json")
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        raise DataError(f"{root / 'dataset.json'}: no table `labels`; expected nnU-Net's file")
    return content


def _check(root: Path, content: dict, cases: dict[str, list[Path]], masks: dict[str, Path]) -> None:
    """Raise DataError where a case lacks a channel or its labels, or labels lack their case."""
    names = content.get("channel_names") or content.get("modality")
    channels = len(names) if isinstance(names, dict) else len(next(iter(cases.values()), []))
    for name, paths in cases.items():
        numbers = [int(_stem(path)[-4:]) for path in paths]
        if numbers != list(range(channels)):
            raise DataError(f"{root / 'imagesTr'}: {name} has channels {numbers}; expected {list(range(channels))}")
    if lost := sorted(set(cases) ^ set(masks)):
        where = "labelsTr" if lost[0] in cases else "imagesTr"
        raise DataError(f"{root / where}: nothing for {lost[0]} ({len(lost)} such cases); {describe(root / where)}")


def _stem(path: Path) -> str:
    return path.name[: -len(file_suffix(path))]


def _load(paths: list[Path], mask: Path, name: str, table: dict[int, int]) -> Sample:
    images = [read_image(path) for path in paths]
    first = images[0]
    for image, path in zip(images, paths, strict=True):
        if image.size != first.size:
            raise DataError(f"{path}: {image.size} given; its first channel is {first.size}. Resample one of them.")
    files = tuple(file for image in images for file in image.files)
    array = np.concatenate([image.array for image in images])
    whole = Image(array, first.spacing_mm, first.affine, name, files)
    return Sample(whole, {"mask": read_mask(mask, whole, only(table))}, group=name, files={"mask": mask})
