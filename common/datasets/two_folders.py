"""Images in one folder, masks in another, wherever the two lie; matched by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from zoo.common.datasets import Record
from zoo.common.datasets.classes import check_named
from zoo.common.datasets.folders import Names, by_name, files_of
from zoo.common.datasets.mask_names import cases_of, mask_for, read_channels, shown
from zoo.common.datasets.masks import decoder_of, read_mask
from zoo.common.datasets.texts import read_class_list
from zoo.common.datasets.unlabelled import image_alone
from zoo.common.errors import DataError
from zoo.common.files.outputs import user_path
from zoo.common.types import Sample

KEYS = {"segmentation": "mask", "instance-segmentation": "instances"}


@dataclass(frozen=True)
class FolderPair:
    """A folder of images and one of masks, in place of the path of a data set."""

    images: str | Path
    masks: str | Path

    def __str__(self) -> str:
        return f"{self.images} and {self.masks}"


def read_pair(pair: FolderPair, task: str | Sequence[str]) -> tuple[list[Record], tuple[str, ...]]:
    """List the cases; names of the classes from classes.txt beside either folder or in it, () without one.

    An image without a mask lacks it, with examples of both sides.
    """
    key = KEYS.get(task if isinstance(task, str) else "")
    if key is None:
        raise DataError(f"{pair}: images and masks serve {' and '.join(KEYS)}, not {task}; write a manifest.csv")
    folders = [user_path(folder) for folder in (pair.images, pair.masks)]
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"{folder}: is no folder; expected one of images and one of masks")
    places = dict.fromkeys((folders[1], folders[1].parent, folders[0], folders[0].parent))
    classes = next((names for place in places if (names := read_class_list(place))), ())
    return pair_up(str(pair), by_name(folders[0]), by_name(folders[1]), key, classes), classes


def pair_up(where: str, pictures: Names, masks: Names, key: str, classes: Sequence[str]) -> list[Record]:
    """List the cases of images and their masks, `key` of which are labels; an image without one lacks it."""
    images, channels = cases_of(pictures, masks)
    found = {name: mask_for(name, masks, f"{where}, mask of {name}") for name in images}
    lost = [name for name, mask in found.items() if mask is None]
    spare = [name for name in masks if name not in found.values()]
    lacks = (
        f"{where}: {len(lost)} of {len(images)} images have no mask: {shown(lost)}; masks without an image: "
        f"{shown(spare)}. Name both alike, or a mask <image>_seg, <image>_mask or <image>_label"
    )
    if len(lost) == len(images) or (lost and key != "mask"):
        raise DataError(lacks)
    limit = len(classes) if classes and key == "mask" else None
    labelled = [
        Record(name, "", name, partial(_load, paths, masks[mask], name, key, limit), files_of(*paths, masks[mask]))
        for name, mask in found.items()
        if mask is not None and (paths := channels.get(name, (images[name],)))
    ]
    alone = {name: channels.get(name, (images[name],)) for name in lost}
    return labelled + [
        Record(name, "", name, partial(image_alone, paths, name, name), files_of(*paths), lacks=lacks)
        for name, paths in alone.items()
    ]


def _load(paths: tuple[Path, ...], mask: Path, name: str, key: str, limit: int | None) -> Sample:
    image = read_channels(paths, name)
    numbers = read_mask(mask, image, decoder_of(limit))
    if limit is not None:
        check_named(numbers, limit, mask)
    return Sample(image, {key: numbers}, name, {key: mask})
