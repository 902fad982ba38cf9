"""Which mask belongs to which image, by the names that people give both; channels in files of their own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from zoo.common.datasets.folders import Names, find_name
from zoo.common.datasets.grids import MAY_BE_APART, voxels_apart
from zoo.common.errors import DataError
from zoo.common.io import read_image
from zoo.common.types import Image

MASK_FOLDERS = ("masks", "labels", "segmentations", "annotations")
# after the name of a case; a mask may be called so, and an image as well
MASK_ENDS = ("_seg", "_mask", "_label", "_labels", "_segmentation", "_gt", "-seg", "-mask", "-label")
IMAGE_ENDS = ("_image", "_img", "-image")
CHANNEL = re.compile(r"(.+)_(\d{4})")  # nnU-Net's: the case, the number of the channel
FIRST_CHANNEL = "_0000"
EXAMPLES = 3  # of each side, in errors


def mask_for(name: str, masks: Names, where: str) -> str | None:
    """Return the name of the mask of an image: its own name, or with one of the usual endings; None without one."""
    if (found := find_name(name, masks, where)) is not None:
        return found
    bare = next((name.removesuffix(end) for end in IMAGE_ENDS if name.endswith(end) and name != end), name)
    for stem in dict.fromkeys((name, bare)):
        for end in ("", *MASK_ENDS):
            if stem + end in masks:
                return stem + end
    return None


def masks_beside(names: Iterable[str]) -> dict[str, str]:
    """Return which names are those of masks, by a usual ending, and the name that stands beside each without it.

    a_seg is the mask of a, of a_image or of a_0000.
    """
    every = set(names)
    found: dict[str, str] = {}
    for name in every:
        for end in (end for end in MASK_ENDS if name.endswith(end) and name != end):
            stem = name.removesuffix(end)
            beside = next((stem + more for more in ("", *IMAGE_ENDS, FIRST_CHANNEL) if stem + more in every), None)
            if beside is not None:
                found[name] = beside
    return {name: found[name] for name in sorted(found)}


def images_beside(folder: Path) -> Path | None:
    """Return the folder of the images whose masks a folder holds by its name: masks/ beside images/, labelsTr/ too."""
    name = folder.name.lower()
    word = next((word for word in MASK_FOLDERS if name.startswith(word)), None)
    if word is None:
        return None
    beside = folder.parent / f"images{folder.name[len(word) :]}"
    return beside if os.path.isdir(beside) else None


def cases_of(images: Names, masks: Names) -> tuple[Names, dict[str, tuple[Path, ...]]]:
    """Join images that are channels of one case, <case>_0000 and so on, where the masks are named after the cases.

    Returns the first channel of each case by the name of the case, and all of them where there are several. Images
    whose numbers only count them (their masks have them, too) stay as they are.
    """
    channels: dict[str, dict[int, Path]] = {}
    for name, path in images.items():
        found = CHANNEL.fullmatch(name)
        if found is None or mask_for(name, masks, str(path)) is not None:
            return images, {}
        channels.setdefault(found[1], {})[int(found[2])] = path
    counts = {len(paths) for paths in channels.values()}
    if len(counts) != 1 or any(mask_for(case, masks, case) is None for case in channels):
        return images, {}
    if any(sorted(paths) != list(range(len(paths))) for paths in channels.values()):
        return images, {}
    firsts = Names({case: paths[0] for case, paths in channels.items()})
    if counts == {1}:
        return firsts, {}
    return firsts, {case: tuple(paths[i] for i in sorted(paths)) for case, paths in channels.items()}


def read_channels(paths: tuple[Path, ...], name: str) -> Image:
    """Read the channels of a case into one image; see stack_channels()."""
    return stack_channels([read_image(path) for path in paths], name)


def stack_channels(images: Sequence[Image], name: str) -> Image:
    """Make one image of the channels of a case; DataError where they differ in size or lie in different places."""
    first = images[0]
    if len(images) == 1:
        return first
    for image in images:
        path = image.files[0] if image.files else image.name
        if image.size != first.size:
            raise DataError(f"{path}: {image.size} given; its first channel is {first.size}. Resample one of them.")
        if (apart := voxels_apart(image, first)) > MAY_BE_APART:
            raise DataError(
                f"{path}: lies up to {apart:.1f} voxels away from its first channel, {first.name}; expected one grid, "
                "with axes stored in one order and direction. Resample one of them."
            )
    array = np.concatenate([image.array for image in images])
    files = tuple(file for image in images for file in image.files)
    modality = first.modality if all(image.modality == first.modality for image in images) else ""
    return replace(first, array=array, name=name, files=files, modality=modality)


def shown(names: Iterable[str]) -> str:
    """Return the first names, such as they are, and how many more there are; for errors that name both sides."""
    every = list(names)
    more = f" and {len(every) - EXAMPLES} more" if len(every) > EXAMPLES else ""
    return (", ".join(every[:EXAMPLES]) or "nothing") + more
