"""Volumes whose channels lie in files of their own, as one image each, for a model that takes so many channels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Sized
from functools import partial
from pathlib import Path

from zoo.common.datasets.folders import without_suffix
from zoo.common.datasets.mask_names import CHANNEL, stack_channels
from zoo.common.io import file_suffix
from zoo.common.types import Image
from zoo.prediction.sources import Images, Item

VOLUMES = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr")  # numbered pictures are mostly frames of a film


def with_channels(found: Images, channels: int) -> Images:
    """Join <case>_0000, <case>_0001 ... of a folder, nnU-Net's names, where these are as many as a model takes.

    Only volumes are joined, and only cases with exactly these numbers; they are called after the case.
    """
    if channels < 2 or not isinstance(found.items, Sized):
        return found
    cases: dict[tuple[Path, str, str], dict[int, Item]] = defaultdict(dict)
    for item in found.items:
        if (key := _case(item)) is not None:
            cases[key[0]][key[1]] = item
    whole = {key: members for key, members in cases.items() if sorted(members) == list(range(channels))}
    items = []
    for item in found.items:
        key = _case(item)
        if key is None or key[0] not in whole:
            items.append(item)
        elif key[1] == 0:
            items.append(_joined([whole[key[0]][number] for number in range(channels)]))
    return Images(items, found.left_out, is_single=found.is_single)


def _case(item: Item) -> tuple[tuple[Path, str, str], int] | None:
    """Return what the channels of one case share, and which of them a file is; None for other files."""
    if item.path is None or file_suffix(item.path) not in VOLUMES:
        return None
    match = CHANNEL.fullmatch(without_suffix(item.path.name))
    return None if match is None else ((item.path.parent, match[1], file_suffix(item.path)), int(match[2]))


def _joined(members: Sequence[Item]) -> Item:
    first = members[0]
    name = str(Path(first.name).with_name(first.name.rsplit("/", 1)[-1].replace("_0000", "", 1)))
    return Item(name, partial(_read, members, name), first.path)


def _read(members: Sequence[Item], name: str) -> Image:
    return stack_channels([member.load() for member in members], name)
