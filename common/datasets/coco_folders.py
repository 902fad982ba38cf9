"""COCO's JSON per split, with the pictures where the usual programs leave them.

annotations/instances_<split>.json with images/, images/<split>/, <split>/ or, as in COCO itself, <split>2017/
<split>/_annotations.coco.json beside the pictures, or with <split>/images/, as Roboflow exports
annotations.json (or any other name) beside its pictures; a split is drawn

One file beside images/ is read by `paired`, with its tables.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path

from zoo.common.datasets import SPLITS, Record, describe
from zoo.common.datasets.coco import read_coco
from zoo.common.datasets.coco_files import coco_files, named_split
from zoo.common.datasets.columns import split_name
from zoo.common.datasets.folders import Names, by_name, by_name_alone, folders, pictures
from zoo.common.datasets.paired import record_of
from zoo.common.datasets.paired_folder import Folder
from zoo.common.datasets.texts import read_class_list
from zoo.common.errors import DataError, ZooWarning

TASKS = ("detection", "instance-segmentation", "segmentation")


def recognises(root: Path) -> bool:
    """Say whether there is a COCO file per split, or one, and pictures that it may mean."""
    return root.is_dir() and bool(_sets(root))


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the categories in the order of their ids; every file has to have the same."""
    if listed := read_class_list(root):
        return listed
    if task not in ("detection", "segmentation"):
        return ()
    found = {path: read_coco(path).classes for _, path, _ in _sets(root)}
    if len(set(found.values())) > 1:
        given = "; ".join(f"{path.name} has {', '.join(names)}" for path, names in found.items())
        raise DataError(f"{root}: {given}; expected the same categories in each. Write one classes.txt into {root}")
    names = next(iter(found.values()))
    return ("background", *names) if task == "segmentation" else names


def read(root: Path, task: str) -> list[Record]:
    """List the pictures that the files name; each stands for itself, since COCO tells no patients."""
    if task not in TASKS:
        raise DataError(f"{root}: COCO is read for {', '.join(TASKS)}, not for {task}; {describe(root)}")
    listed = read_class_list(root)
    unread: dict[Path, set[str]] = {}
    records: list[Record] = []
    for split, path, folder in _sets(root):
        images = by_name_alone(root) if folder == root else by_name(folder)
        found = Folder(path.parent, listed, images, Names(), None, coco=path)
        objects = found.objects
        named = set() if objects is None else set(objects.entries)
        unread[folder] = unread.get(folder, set(images)) - named
        cases = [record_of(found, name, task, split, f"from {path.name}") for name in images if name in named]
        ahead = f"{split}/" if split else ""
        records += [replace(case, name=ahead + case.name, group=ahead + case.group) for case in cases]
    for folder, names in unread.items():
        if names:
            message = f"{folder}: {len(names)} images are in no COCO file, so left out, such as {min(names)}"
            warnings.warn(message, ZooWarning, stacklevel=2)
    return records


def _sets(root: Path) -> list[tuple[str, Path, Path]]:
    """List split, COCO file and folder of pictures, in the order of the splits; [] where anything is missing."""
    found = []
    for folder in folders(root):
        if split_name(folder.name) in SPLITS and (files := coco_files(folder)):
            held = folder / "images" if (folder / "images").is_dir() else folder
            found += [(split_name(folder.name), path, held) for path in files]
    if not found:
        files = coco_files(root / "annotations") or coco_files(root)
        found = [(named_split(path), path, _pictures_of(root, path)) for path in files]
    if any(not pictures(folder) for _, _, folder in found):
        return []
    splits = [split for split, _, _ in found]
    if len(set(splits)) < len(splits) or ("" in splits and len(splits) > 1):
        given = ", ".join(str(path.relative_to(root)) for _, path, _ in found)
        raise DataError(
            f"{root}: {given} given; expected one COCO file, or one per split ({', '.join(SPLITS)}). "
            "Move the others away"
        )
    return sorted(found, key=lambda one: (*SPLITS, "").index(one[0]))


def _pictures_of(root: Path, path: Path) -> Path:
    """Find the pictures of a file: in a folder called after its split, else images/, else beside it."""
    split = named_split(path)
    for parent in (root, root / "images"):
        for folder in folders(parent):
            if split and split_name(re.sub(r"\d+$", "", folder.name)) == split:
                return folder
    return root / "images" if (root / "images").is_dir() else root
