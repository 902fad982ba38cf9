"""Images and their masks in one folder: <case>.<any> beside <case>_seg, <case>_mask or <case>_label.

<case>.<any>, <case>_image.<any>, or <case>_0000.<any>, <case>_0001.<any>, ... as channels: the image
<case>_seg.<any>, or another of the endings in mask_names.py: its mask, class numbers or numbered objects
classes.txt: names in order, the background first

The split is drawn, each image for itself. A guess from what people's folders look like, of no official data set.
"""

from __future__ import annotations

from pathlib import Path

from zoo.common.datasets import Record, describe
from zoo.common.datasets.columns import MEANINGS
from zoo.common.datasets.folders import Names, by_name, pictures, without_suffix
from zoo.common.datasets.mask_names import masks_beside
from zoo.common.datasets.tables import find_manifest, tables_in
from zoo.common.datasets.texts import folded, read_class_list
from zoo.common.datasets.two_folders import KEYS, pair_up
from zoo.common.errors import DataError


def recognises(root: Path) -> bool:
    """Say whether there is a mask beside its image, and no manifest."""
    if not root.is_dir() or find_manifest(root) is not None:
        return False
    return bool(masks_beside(without_suffix(path.name) for path in pictures(root)))


def read(root: Path, task: str) -> list[Record]:
    """List the cases; DataError where an image has no mask."""
    if task not in KEYS:
        raise DataError(f"{root}: images beside their masks serve {' and '.join(KEYS)}, not {task}")
    if given := [path.name for path in tables_in(root) if folded(path.stem) in MEANINGS["split"]]:
        raise DataError(
            f"{root}: {given[0]} is not read beside images and masks in one folder; {describe(root)}. Move the images "
            "to images/ and the masks to masks/, or write a manifest.csv"
        )
    found = by_name(root)
    masks = masks_beside(found)
    images = Names({name: path for name, path in found.items() if name not in masks})
    return pair_up(str(root), images, Names({name: found[name] for name in masks}), KEYS[task], read_class_list(root))


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the classes, as classes.txt does."""
    return read_class_list(root)
