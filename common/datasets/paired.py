"""Pictures or volumes in images/, their labels beside them under the same names.

images/<name>.<any>     masks/<name>.<any>: class numbers, or instances counted from 1; also in labels/,
                        segmentations/ or annotations/, and called <name>_seg, <name>_mask or <name>_label
images/<case>_0000.<any>, <case>_0001.<any>, ...: channels of one case, where its mask is called after the case
labels/<name>.geojson, instances.json (COCO): objects one by one, see outlines.py
boxes.json (COCO) or boxes.csv, and ignore.csv, see boxes.py        points.csv: id, x, y and, with several classes, cls
split.csv: id or image, split; optional: label, group (or patient, exam, slide, run and more, see columns.py)
splits/train.txt, val.txt, test.txt: names, instead of a column `split`; without both a split is drawn
An image without a mask belongs to the split `unlabelled`, which is also a name in split.csv and splits/.
classes.txt: names in order, the background first where there are masks

Or all this once per split, in train/, val/ and test/ (or training/, valid/, validation/, testing/), and in noisy/;
unlabelled/ needs images/ alone.
Names in the tables may have a folder and a suffix; where they do not fit as written, case does not count, and then
neither do leading zeros. Columns vox_<class> or frac_<class> of split.csv name the classes of the masks, too; a column
n_nuclei or n_pos says that the masks count instances, which then stand for missing boxes and points. Without a column
`label`, localisation takes an image whose mask marks anything for one of class 1. Without a column that counts objects,
a mask of 0 and 1 alone numbers none: its parts that hang together are the objects, from 20 px on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.datasets import NOISY, SPLITS, UNLABELLED, Record, describe
from zoo.common.datasets.coco_files import coco_file
from zoo.common.datasets.columns import MEANINGS, SPLIT_NAMES, split_name
from zoo.common.datasets.folders import by_name, entries, files_of, find_name, folders, unknown_names
from zoo.common.datasets.mask_names import read_channels
from zoo.common.datasets.outlines import has_geojson
from zoo.common.datasets.paired_folder import Folder, mask_folders, open_folder
from zoo.common.datasets.paired_labels import READERS
from zoo.common.datasets.tables import find_manifest, tables_in
from zoo.common.datasets.texts import folded, read_class_list, read_names
from zoo.common.datasets.unlabelled import image_alone
from zoo.common.errors import DataError, ZooWarning
from zoo.common.io import SUFFIXES
from zoo.common.types import Image, Sample

STEMS = ("boxes", "points")  # of tables
NEEDS = {  # what has to be in the folder
    "classification": "label",
    "segmentation": "mask",
    "localisation": "label, mask",
    "instance-segmentation": "instances",
    "detection": "boxes",
    "point-detection": "points",
}

__all__ = ["by_name", "classes", "read", "recognises", "record_of"]


def recognises(root: Path) -> bool:
    """Say whether there is images/ with something beside it that labels them, and no manifest; or this per split."""
    return _is_pair(root) or bool(_parts(root))


def read(root: Path, task: str) -> list[Record]:
    """List the cases of images/; a case without a group is its own."""
    if task not in NEEDS:
        raise DataError(f"{root}: images beside their labels serve {', '.join(NEEDS)}, not {task}")
    parts = [] if _is_pair(root) else _parts(root)
    parts += _further_parts(root) if parts and task == "segmentation" else []
    return [record for split, part in parts for record in _read_part(part, task, split)] or _read(root, task)


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the classes; () when the folder does not say."""
    if listed := read_class_list(root):
        return listed
    parts = [] if _is_pair(root) else _parts(root)
    found = {part: _classes(part, task) for _, part in parts or [("", root)]}
    if len(set(found.values())) > 1:
        given = "; ".join(f"{part.name}/ has {', '.join(names) or 'no names'}" for part, names in found.items())
        raise DataError(f"{root}: {given}; expected the same classes in each. Write one classes.txt into {root}")
    return next(iter(found.values()))


def _is_pair(root: Path) -> bool:
    if not (root / "images").is_dir() or find_manifest(root) is not None:
        return False
    found = [folded(path.stem) for path in tables_in(root)]
    return (
        has_geojson(root)
        or (root / "splits").exists()
        or coco_file(root) is not None
        or bool(mask_folders(root))
        or bool({*STEMS, *MEANINGS["split"]} & {*found})
    )


def _parts(root: Path) -> list[tuple[str, Path]]:
    """List the folders of splits that hold images/ beside labels."""
    found = [(split_name(path.name), path) for path in folders(root)] if root.is_dir() else []
    kept = [(split, path) for split, path in found if split in SPLITS and _is_pair(path)]
    return sorted(kept, key=lambda pair: SPLITS.index(pair[0]))


def _further_parts(root: Path) -> list[tuple[str, Path]]:
    """List the folders beside those of the splits that methods learn from, too."""
    found = [(split_name(path.name), path) for path in folders(root)]
    alone = [(split, path) for split, path in found if split == UNLABELLED and (path / "images").is_dir()]
    return alone + [(split, path) for split, path in found if split == NOISY and _is_pair(path)]


def _read_part(part: Path, task: str, split: str) -> list[Record]:
    records = _read(part, task)
    if other := next((record for record in records if record.split not in ("", split)), None):
        raise DataError(f"{part}: {other.name} is listed for {other.split}; expected {split}, as the folder is called")
    return [
        replace(
            record,
            name=f"{part.name}/{record.name}",
            split=split,
            group=record.group if record.grouped_by else f"{part.name}/{record.group}",
            split_from="from folders named after splits",
        )
        for record in records
    ]


def _classes(root: Path, task: str) -> tuple[str, ...]:
    folder = open_folder(root, read_class_list(root))
    if folder.classes:
        return folder.classes
    if task == "point-detection":
        return folder.named_points
    if task == "instance-segmentation":
        return ()
    found = folder.boxes.classes if folder.boxes else ()
    if task == "detection":
        return found
    if task in ("classification", "localisation"):
        return folder.named_labels or (("normal", *found) if len(found) == 1 else ())
    if task == "segmentation" and not folder.counts_instances:
        named = folder.named_classes or found
        return ("background", *named) if named else ()
    return ()


def _read(root: Path, task: str) -> list[Record]:
    folder = open_folder(root, read_class_list(root))
    if task == "instance-segmentation" and folder.named_classes:
        raise DataError(f"{root}: masks of {', '.join(folder.named_classes)} given, not of numbered objects")
    images = folder.images
    if not images:
        raise DataError(f"{root}: looked for images ({', '.join(SUFFIXES)}) in images/; {describe(root / 'images')}")
    listed = _listed(root, folder)
    given = {folder.splits.get(name, "") for name in folder.rows}
    if listed and given - {""}:
        both = f"{folder.table_name} and splits/"
        raise DataError(f"{root}: {both} both say where cases belong; expected one. Remove the other")
    splits = listed or folder.splits or dict.fromkeys(images, "")
    _warn_of(root, "without a line in the tables of the split, so left out", sorted(set(images) - set(splits)))
    if task == "point-detection" and folder.points is not None:
        empty = sorted(set(splits) - set(folder.points))
        _warn_of(root, "without a line in points.csv, so taken to have no point", empty)
    if task == "detection" and folder.boxes is not None and folder.boxes.path.suffix != ".json":
        empty = sorted(set(splits) - set(folder.boxes.marks))
        _warn_of(root, f"without a line in {folder.boxes.path.name}, so taken to have no box", empty)
    if not any(splits.values()):
        _warn_of_tables(root)
    source = "from splits/" if listed else f"from column {folder.written('split')} of {folder.table_name}"
    return [record_of(folder, name, task, splits[name], source) for name in splits]


def _listed(root: Path, folder: Folder) -> dict[str, str]:
    """Read the lists of splits/: the split of each name."""
    found: dict[str, str] = {}
    unknown: list[str] = []
    lists = [(split_name(path.stem), path) for path in entries(root / "splits")]
    for split, path in sorted(lists, key=lambda pair: SPLITS.index(pair[0]) if pair[0] in SPLITS else -1):
        if path.suffix.lower() != ".txt" or split not in (*SPLITS, UNLABELLED):
            spelled = ", ".join(f"{name}.txt" for names in SPLIT_NAMES.values() for name in names[:3])
            raise DataError(f"{path}: is no list of a split; expected {spelled}. Rename or remove it")
        for text in read_names(path):
            name = find_name(text, folder.images, str(path))
            if name is None:
                unknown.append(text)
            elif found.setdefault(name, split) != split:
                raise DataError(f"{path}: {text} is in {found[name]}, too; expected each name in one list")
    if unknown:
        raise unknown_names(unknown, folder.images, f"{root / 'splits'}", root / "images")
    return found


def _warn_of_tables(root: Path) -> None:
    """Name the tables beside the images that nobody reads, where the split is about to be drawn."""
    known = (*MEANINGS["split"], *STEMS, "ignore")
    if unread := [path.name for path in tables_in(root) if folded(path.stem) not in known]:
        message = f"{root}: {', '.join(unread)} is not read; if it says the split or the patients, call it split.csv"
        warnings.warn(message, ZooWarning, stacklevel=2)


def _warn_of(root: Path, what: str, names: list[str]) -> None:
    if names:
        message = f"{root}: {len(names)} images {what}, such as {names[0]}"
        warnings.warn(message, ZooWarning, stacklevel=2)


def record_of(folder: Folder, name: str, task: str, split: str, source: str) -> Record:
    """Return a case of a folder, which labels are read when it is loaded; source: where its split comes from."""
    path, group = folder.images[name], folder.groups.get(name, "")
    paths = folder.channels.get(name, (path,))
    if task == "segmentation" and not folder.is_labelled(name):
        source, lacks = source if split else "", folder.lacking
        load = partial(image_alone, paths, name, group or name)
        return Record(name, split, group or name, load, files_of(*paths), None, source, folder.grouped_by, lacks)
    readers = {key: READERS[key] for key in NEEDS[task].split(", ")}
    if task == "detection" and folder.ignored is not None:
        readers["ignored"] = READERS["ignored"]
    if task == "localisation":
        readers["mask"] = READERS["place"]  # classes.txt names what the labels count
    if task == "localisation" and not folder.has_labels:
        readers["label"] = READERS["marked"]
    labels = {key: readers[key](folder, name) for key in readers}
    uses_mask = {"mask", "instances"} & set(readers) or folder.counts_instances
    mask = folder.mask_of(name) if uses_mask else None
    files = files_of(*paths, mask)
    masks = {} if mask is None else dict.fromkeys(("mask", "instances"), mask)
    load = partial(_load, paths, name, labels, group or name, masks)
    return Record(name, split, group or name, load, files, None, source if split else "", folder.grouped_by)


def _load(
    paths: tuple[Path, ...],
    name: str,
    labels: dict[str, Callable[[Image], np.ndarray]],
    group: str,
    files: dict[str, Path],
) -> Sample:
    image = read_channels(paths, name)
    return Sample(image, {key: read_label(image) for key, read_label in labels.items()}, group, files)
