"""Pictures or volumes in images/, their labels beside them under the same names.

images/<name>.<any>     masks/<name>.<any> or labels/<name>.<any>: class numbers, or instances counted from 1
boxes.json (COCO)       points.csv: id, x, y and, with several classes, cls
ignore.csv: id or file, x1, y1, x2, y2: regions in which a detector's boxes are neither right nor wrong
split.csv: id or image, split; optional: label, group (or patient, exam, slide, run)
splits/train.txt, val.txt, test.txt: names, instead of split.csv; without both a split is drawn
classes.txt: names in order, the background first where there are masks

Columns vox_<class> or frac_<class> of split.csv name the classes of the masks, too; a column n_nuclei or n_pos says
that the masks count instances, which then stand for missing boxes and points. Without a column `label`, localisation
takes an image whose mask marks anything for one of class 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage

from zoo.common.boxes import boxes_of_labels
from zoo.common.datasets import SPLITS, Record, describe
from zoo.common.datasets.coco import Coco, read_coco
from zoo.common.datasets.masks import anything, read_mask
from zoo.common.datasets.tables import find_manifest
from zoo.common.datasets.tables import rows as read_rows
from zoo.common.errors import DataError
from zoo.common.io import SUFFIXES, file_suffix, read_image
from zoo.common.types import Image, Sample

MASK_FOLDERS = ("masks", "labels")
TABLES = ("boxes.json", "points.csv", "split.csv", "splits")
GROUPS = ("group", "patient", "exam", "slide", "run")
INSTANCE_COLUMNS = ("n_nuclei", "n_pos")
NEEDS = {  # what has to be in the folder
    "classification": "label",
    "segmentation": "mask",
    "localisation": "label, mask",
    "instance-segmentation": "instances",
    "detection": "boxes",
    "point-detection": "points",
}


def recognises(root: Path) -> bool:
    """Say whether there is images/ with something beside it that labels them, and no manifest."""
    beside = any((root / name).exists() for name in (*MASK_FOLDERS, *TABLES))
    return beside and (root / "images").is_dir() and find_manifest(root) is None


@dataclass(frozen=True)
class Folder:
    """What lies in the folder, read once; pictures are not opened."""

    root: Path
    rows: dict[str, dict[str, str]] = field(default_factory=dict)  # split.csv by name
    masks: dict[str, Path] = field(default_factory=dict)
    points: dict[str, np.ndarray] = field(default_factory=dict)
    coco: Coco | None = None
    ignored: dict[str, np.ndarray] | None = None

    @property
    def counts_instances(self) -> bool:
        """The masks number things, not classes."""
        return any(name in row for row in self.rows.values() for name in INSTANCE_COLUMNS)

    @property
    def named_classes(self) -> tuple[str, ...]:
        """What the masks count, where columns of split.csv say so."""
        columns = next(iter(self.rows.values()), {})
        return tuple(name.split("_", 1)[1] for name in columns if name.startswith(("vox_", "frac_")))


def read(root: Path, task: str) -> list[Record]:
    """List the cases of images/; a case without a group is its own."""
    if task not in NEEDS:
        raise DataError(f"{root}: images beside their labels serve {', '.join(NEEDS)}, not {task}")
    folder, images = _open(root), by_name(root / "images")
    if task == "instance-segmentation" and folder.named_classes:
        raise DataError(f"{root}: masks of {', '.join(folder.named_classes)} given, not of numbered objects")
    if not images:
        raise DataError(f"{root}: looked for images ({', '.join(SUFFIXES)}) in images/; {describe(root / 'images')}")
    splits = _splits(root, folder)
    if unknown := sorted(set(splits) - set(images)):
        raise DataError(f"{root}: {len(unknown)} names of the split have no file in images/, such as {unknown[0]}")
    return [_record(folder, images[name], task, splits.get(name, "")) for name in splits or images]


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the classes; () when the folder does not say."""
    listing = root / "classes.txt"
    if listing.is_file():
        return tuple(name.strip() for name in listing.read_text(encoding="utf-8").splitlines() if name.strip())
    folder = _open(root)
    found = folder.coco.classes if folder.coco else ()
    if task == "detection":
        return found
    if task in ("classification", "localisation") and len(found) == 1:
        return ("normal", *found)
    if task == "segmentation" and not folder.counts_instances:
        named = folder.named_classes or found
        return ("background", *named) if named else ()
    return ()


def by_name(folder: Path) -> dict[str, Path]:
    """List the images of a folder by their name without suffix, in order."""
    paths = [path for path in sorted(folder.iterdir()) if file_suffix(path) in SUFFIXES] if folder.is_dir() else []
    return {path.name[: -len(file_suffix(path))]: path for path in paths}


def _open(root: Path) -> Folder:
    masks = next((by_name(root / name) for name in MASK_FOLDERS if (root / name).is_dir()), {})
    coco = read_coco(root / "boxes.json") if (root / "boxes.json").is_file() else None
    points: dict[str, list[list[float]]] = {}
    for row in read_rows(root / "points.csv"):
        points.setdefault(row["id"], []).append([float(row.get("cls") or 0), float(row["x"]), float(row["y"])])
    rows = {_name(row, root): row for row in read_rows(root / "split.csv")}
    return Folder(
        root, rows, masks, {name: np.array(p, np.float64) for name, p in points.items()}, coco, _regions(root)
    )


def _regions(root: Path) -> dict[str, np.ndarray] | None:
    """Read ignore.csv: (m, 4) corners by name; None where there is no such file."""
    if not (root / "ignore.csv").is_file():
        return None
    found: dict[str, list[list[float]]] = {}
    for row in read_rows(root / "ignore.csv"):
        found.setdefault(_name(row, root), []).append([float(row[key]) for key in ("x1", "y1", "x2", "y2")])
    return {name: np.array(corners, np.float64) for name, corners in found.items()}


def _name(row: dict[str, str], root: Path) -> str:
    value = row.get("id") or row.get("image") or row.get("file")
    if not value:
        raise DataError(f"{root / 'split.csv'}: columns {', '.join(row)}; expected `id` or `image`")
    name = value.rsplit("/", 1)[-1]
    return name[: -len(suffix)] if (suffix := file_suffix(Path(name))) in SUFFIXES else name


def _splits(root: Path, folder: Folder) -> dict[str, str]:
    if folder.rows:
        return {name: row.get("split", "") for name, row in folder.rows.items()}
    found = {}
    for split in SPLITS:
        listing = root / "splits" / f"{split}.txt"
        if listing.is_file():
            for name in listing.read_text(encoding="utf-8").split():
                found[_name({"id": name}, root)] = split
    return found


def _record(folder: Folder, path: Path, task: str, split: str) -> Record:
    name = path.name[: -len(file_suffix(path))]
    row = folder.rows.get(name, {})
    group = next((row[key] for key in GROUPS if row.get(key)), name)
    readers = {key: READERS[key] for key in NEEDS[task].split(", ")}
    if task == "detection" and folder.ignored is not None:
        readers["ignored"] = _ignored
    if task == "localisation" and not any("label" in row for row in folder.rows.values()):
        readers["label"] = _marked
    return Record(name, split, group, partial(_load, path, {key: readers[key](folder, name) for key in readers}, group))


def _load(path: Path, labels: dict[str, Callable[[Image], np.ndarray]], group: str) -> Sample:
    image = read_image(path)
    return Sample(image, {key: read_label(image) for key, read_label in labels.items()}, group)


def _label(folder: Folder, name: str) -> Callable[[Image], np.ndarray]:
    value = folder.rows.get(name, {}).get("label", "")
    if not value.isdigit():
        raise DataError(f"{folder.root}: {name} has label {value!r}; expected a column `label` of numbers in split.csv")
    return lambda image: np.array(int(value), np.int64)


def _marked(folder: Folder, name: str) -> Callable[[Image], np.ndarray]:
    read = _mask(folder, name)
    return lambda image: np.array(read(image).any(), np.int64)


def _mask(folder: Folder, name: str, instances: bool = False) -> Callable[[Image], np.ndarray]:
    path = folder.masks.get(name)
    if path is None and folder.rows.get(name, {}).get("label") == "0":  # a normal picture has nothing to outline
        return lambda image: np.zeros(image.size, np.int16)
    if path is None:
        raise DataError(
            f"{folder.root}: no mask for {name}; looked in {' and '.join(MASK_FOLDERS)}, which hold {len(folder.masks)}"
        )
    decode = anything if folder.counts_instances and not instances else None
    return lambda image: read_mask(path, image, decode)


def _boxes(folder: Folder, name: str) -> Callable[[Image], np.ndarray]:
    if folder.coco is None and folder.counts_instances:
        read = _mask(folder, name, instances=True)
        return lambda image: _with_class(boxes_of_labels(read(image))[0])
    if folder.coco is None:
        raise DataError(f"{folder.root}: no boxes.json; {describe(folder.root)}")
    rows = {Path(file).stem: rows for file, rows in folder.coco.boxes.items()}.get(name, np.zeros((0, 5)))
    return lambda image: rows


def _ignored(folder: Folder, name: str) -> Callable[[Image], np.ndarray]:
    rows = (folder.ignored or {}).get(name, np.zeros((0, 4)))
    return lambda image: rows


def _points(folder: Folder, name: str) -> Callable[[Image], np.ndarray]:
    if not folder.points and folder.counts_instances:
        read = _mask(folder, name, instances=True)
        return lambda image: _with_class(_centres(read(image)))
    if not folder.points:
        raise DataError(f"{folder.root}: no points.csv; {describe(folder.root)}")
    rows = folder.points.get(name, np.zeros((0, 3)))
    return lambda image: rows


def _centres(instances: np.ndarray) -> np.ndarray:
    """Return the centre of mass (x, y[, z]) of each number but 0."""
    numbers = np.unique(instances[instances > 0])
    centres = np.array(ndimage.center_of_mass(instances > 0, instances, numbers), np.float64)
    return centres.reshape(-1, instances.ndim)[:, ::-1]


def _with_class(rows: np.ndarray) -> np.ndarray:
    return np.hstack([np.zeros((len(rows), 1)), rows])


READERS: dict[str, Callable[[Folder, str], Callable[[Image], np.ndarray]]] = {
    "label": _label,
    "mask": _mask,
    "instances": partial(_mask, instances=True),
    "boxes": _boxes,
    "points": _points,
}
