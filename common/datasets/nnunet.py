"""nnU-Net's raw data: dataset.json, imagesTr/<case>_0000.<ending> and one file per further channel, labelsTr/<case>.

Both kinds of dataset.json: with `channel_names`, numbers by name and `file_ending`, and the older one with `modality`
and names by number. imagesTs/ has no labels as a rule and is left alone; a split is drawn, unless splits_final.json is
there: then its first fold is taken, and labelsTs/, if any, for the test. Regions of several numbers, which lie in each
other, become classes beside each other: a pixel is of the smallest region that holds it, and a warning says so. The
colours of a picture may be one file. What the label `ignore` covers is unknown, see unknown.py. From the published
description of the format.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.datasets import Record
from zoo.common.datasets.folders import files_of, pictures
from zoo.common.datasets.mask_names import read_channels, shown
from zoo.common.datasets.masks import read_mask
from zoo.common.datasets.texts import check_names, read_json
from zoo.common.datasets.unknown import NAME as UNKNOWN_NAME
from zoo.common.datasets.unlabelled import image_alone
from zoo.common.errors import DataError, InputError, ZooWarning
from zoo.common.io import file_suffix
from zoo.common.types import Sample

SPLITS_FILE = "splits_final.json"
COLOURS, PICTURES = 3, (".png", ".bmp", ".tif", ".tiff")  # red, green and blue are one file of these
FIRST = "_0000"  # the first channel of a case
MODALITIES = {"CT": "CT", "MR": "MR", "MRI": "MR", "US": "US", "PET": "PT"}  # names of channels in DICOM's words


def recognises(root: Path) -> bool:
    """Say whether there is a dataset.json beside images whose channels are numbered."""
    if not (root / "dataset.json").is_file() or not (root / "labelsTr").is_dir():
        return False
    return any(_stem(path).endswith(FIRST) for path in pictures(root / "imagesTr"))


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the labels of dataset.json in the order of their numbers."""
    return tuple(name for _, name in read_labels(_content(root), root))


def read(root: Path, task: str) -> list[Record]:
    """List the training cases; with splits_final.json in the split of its first fold, and the test if it has labels."""
    if task != "segmentation":
        raise DataError(f"{root}: nnU-Net's data is read for segmentation, not for {task}")
    content = _content(root)
    table, modality = numbers_of(content, root), _modality(content)
    splits = _splits(root)
    records = []
    for part in ("Tr", *["Ts"] * bool(splits and (root / "labelsTs").is_dir())):
        cases, masks = _cases(root, part, content.get("file_ending"))
        lacks = _check(root, content, cases, masks, part)
        for name, paths in cases.items():
            if name not in masks:
                load = partial(image_alone, tuple(paths), name, name)
                records.append(Record(name, splits.get(name, ""), name, load, files_of(*paths), lacks=lacks))
                continue
            split = "test" if part == "Ts" else splits.get(name, "")
            load = partial(_load, paths, masks[name], name, table, modality)
            source = f"from {SPLITS_FILE}" if splits else ""
            records.append(Record(name, split, name, load, files_of(*paths, masks[name]), split_from=source))
    return records


def _cases(root: Path, part: str, ending: str | None) -> tuple[dict[str, list[Path]], dict[str, Path]]:
    """Return the channels and the labels of each case of a part, Tr or Ts."""
    images = [path for path in pictures(root / f"images{part}") if ending in (None, file_suffix(path))]
    masks = {_stem(path): path for path in pictures(root / f"labels{part}") if ending in (None, file_suffix(path))}
    cases: dict[str, list[Path]] = {}
    for path in images:
        name, _, channel = _stem(path).rpartition("_")
        if not name or len(channel) != 4 or not channel.isdigit():
            raise DataError(f"{path}: expected <case>_0000{file_suffix(path)}, the number being the channel. Rename it")
        cases.setdefault(name, []).append(path)
    return cases, masks


def _splits(root: Path) -> dict[str, str]:
    """Read the first fold of splits_final.json: train and val by name; {} without such a file."""
    path = root / SPLITS_FILE
    if not path.is_file():
        return {}
    try:
        return {str(name): split for split in ("train", "val") for name in read_json(path)[0][split]}
    except (KeyError, IndexError, TypeError) as error:
        raise DataError(
            f"{path}: no list of folds with train and val ({type(error).__name__}: {error}); expected nnU-Net's file. "
            "Write it anew, or remove it to have a split drawn"
        ) from error


def read_labels(content: Mapping[str, object], root: Path) -> list[tuple[int, str]]:
    """Return number and name of each label of dataset.json, whichever of the two is the key."""
    labels, where = _named(content["labels"]), root / "dataset.json"
    if not isinstance(labels, dict):
        raise DataError(f"{where}: labels {labels!r}; expected numbers with names")
    if any(isinstance(value, list) for value in labels.values()):
        return _innermost(labels, root)[0]
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


def numbers_of(content: Mapping[str, object], root: Path) -> dict[int, int]:
    """Return the class number of each number that a mask may hold; of regions, that of the smallest one."""
    labels = _named(content["labels"])
    if isinstance(labels, dict) and any(isinstance(value, list) for value in labels.values()):
        found, table = _innermost(labels, root)
        names = ", ".join(name for _, name in found)
        warnings.warn(
            f"{root / 'dataset.json'}: its labels are regions of several numbers; each pixel counts for the smallest "
            f"one, so that the classes {names} do not overlap. Add them up to get the regions back",
            ZooWarning,
            stacklevel=3,
        )
        return table
    return {value: number for number, (value, _) in enumerate(read_labels(content, root))}


def _named(labels: object) -> object:
    """Return labels with nnU-Net's word for what nobody judged, `ignore`, as ours."""
    if not isinstance(labels, dict) or "ignore" not in labels:
        return labels
    return {UNKNOWN_NAME if name == "ignore" else name: value for name, value in labels.items()}


def _innermost(labels: Mapping[str, object], root: Path) -> tuple[list[tuple[int, str]], dict[int, int]]:
    """Return number and name of the classes that regions fall into, and the class of each number of a mask.

    Regions have to lie in each other or apart, and each has to have pixels of its own.
    """
    where = root / "dataset.json"
    sets: dict[str, frozenset[Any]] = {
        str(name): frozenset(value) if isinstance(value, list) else frozenset([value]) for name, value in labels.items()
    }
    names = sorted(
        (name for name in sets if sets[name] != {0}), key=lambda name: (-len(sets[name]), list(sets).index(name))
    )
    crossed = [f"{a} and {b}" for a in names for b in names if sets[a] & sets[b] not in (frozenset(), sets[a], sets[b])]
    if crossed or not all(isinstance(value, int) for values in sets.values() for value in values):
        raise DataError(
            f"{where}: labels {dict(labels)}; expected regions that lie in each other or apart"
            f"{f', not {crossed[0]}, which cross' if crossed else ''}. Number the classes without overlap"
        )
    table = {0: 0}
    for number, name in enumerate(names, 1):  # the largest first, so that smaller ones take their numbers from it
        table |= dict.fromkeys(sets[name], number)
    if hidden := [name for number, name in enumerate(names, 1) if number not in table.values()]:
        raise DataError(f"{where}: {hidden[0]} is filled by smaller regions; expected pixels of its own. Leave it out")
    check_names(("background", *names), str(where))
    return list(enumerate(("background", *names))), table


def _modality(content: Mapping[str, object]) -> str:
    """Return DICOM's word for the channels where they are all of one kind that has one, such as CT."""
    names = content.get("channel_names") or content.get("modality")
    found = {str(name).upper() for name in names.values()} if isinstance(names, dict) else set()
    return MODALITIES.get(next(iter(found)), "") if len(found) == 1 else ""


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


def _check(root: Path, content: dict, cases: dict[str, list[Path]], masks: dict[str, Path], part: str) -> str:
    """Raise DataError where a case lacks a channel, or labels their case; say where cases lack labels, "" for none."""
    names = content.get("channel_names") or content.get("modality")
    channels = len(names) if isinstance(names, dict) else len(next(iter(cases.values()), []))
    for name, paths in cases.items():
        numbers = [int(_stem(path)[-4:]) for path in paths]
        is_coloured = channels == COLOURS and numbers == [0] and file_suffix(paths[0]) in PICTURES
        if numbers != list(range(channels)) and not is_coloured:
            raise DataError(
                f"{root / f'images{part}'}: {name} has channels {numbers}; expected {list(range(channels))}"
            )
    if lost := sorted(set(cases) ^ set(masks)):
        where = f"{'labels' if lost[0] in cases else 'images'}{part}"
        bare, spare = (shown(sorted(one)) for one in (set(cases) - set(masks), set(masks) - set(cases)))
        lacks = (
            f"{root / where}: nothing for {lost[0]} ({len(lost)} such cases). Images without labels: {bare}; labels "
            f"without an image: {spare}. "
            "Name labels as their images, without the channel's number"
        )
        if part == "Ts" or set(masks) - set(cases) or not masks:
            raise DataError(lacks)
        return lacks
    return ""


def _stem(path: Path) -> str:
    return path.name[: -len(file_suffix(path))]


def _load(paths: list[Path], mask: Path, name: str, table: dict[int, int], modality: str) -> Sample:
    whole = read_channels(tuple(paths), name)
    whole = replace(whole, name=name, modality=modality or whole.modality)
    return Sample(whole, {"mask": read_mask(mask, whole, only(table))}, group=name, files={"mask": mask})
