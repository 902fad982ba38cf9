"""Volumes whose channels lie in files of their own, as one image each, for a model that takes so many channels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Sized
from functools import partial
from pathlib import Path
from typing import NamedTuple

from zoo.common.datasets.folders import without_suffix
from zoo.common.datasets.mask_names import CHANNEL, stack_channels
from zoo.common.io import file_suffix
from zoo.common.types import Image
from zoo.prediction.sources import Images, Item

VOLUMES = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr")  # numbered pictures are mostly frames of a film

Case = tuple[Path, str, str]  # folder, name and suffix, which the channels of a case share


class Channel(NamedTuple):
    """Which channel of which case a file is, and what the case is called as a file."""

    case: Case
    number: int
    name: str


def with_channels(found: Images, channels: int) -> Images:
    """Join <case>_0000, <case>_0001 ... of a folder, nnU-Net's names, where these are as many as a model takes.

    Only volumes are joined, and only cases with exactly these numbers; they are called after the case.
    """
    if channels < 2 or not isinstance(found.items, Sized):
        return found
    keyed = [(item, _case(item)) for item in found.items]
    cases: dict[Case, dict[int, Item]] = defaultdict(dict)
    for item, channel in keyed:
        if channel is not None:
            cases[channel.case][channel.number] = item
    whole = {case: members for case, members in cases.items() if sorted(members) == list(range(channels))}
    items = []
    for item, channel in keyed:
        if channel is None or channel.case not in whole:
            items.append(item)
        elif channel.number == 0:
            items.append(_joined([whole[channel.case][number] for number in range(channels)], channel.name))
    return Images(items, found.left_out, is_single=found.is_single)


def _case(item: Item) -> Channel | None:
    """Return what a file is of a case; None for other files."""
    if item.path is None or file_suffix(item.path) not in VOLUMES:
        return None
    match = CHANNEL.fullmatch(without_suffix(item.path.name))
    if match is None:
        return None
    case = item.path.parent, match[1], file_suffix(item.path)
    return Channel(case, int(match[2]), match[1] + item.path.name[match.end() :])


def _joined(members: Sequence[Item], name: str) -> Item:
    first = members[0]
    name = str(Path(first.name).with_name(name))
    files = tuple(member.path for member in members if member.path is not None)
    return Item(name, partial(_read, members, name), first.path, files)


def _read(members: Sequence[Item], name: str) -> Image:
    return stack_channels([member.load() for member in members], name)
