"""BIDS folders: sub-*/[ses-*/]<kind>/*.nii.gz with masks under derivatives/.

A mask belongs to the image whose name it begins with (sub-01_T2w_seg-manual), else to the only image of its subject and
session (sub-01_desc-manual_dseg). Images of subjects without any mask, of a kind that has masks elsewhere, are
unlabelled, but for those of subjects that participants.tsv gives to the validation or test split; other images without
a mask are left out. Nothing else of BIDS is asked for.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from zoo.common.datasets import UNLABELLED, Record, describe
from zoo.common.datasets.columns import split_name
from zoo.common.datasets.folders import matching, walk
from zoo.common.datasets.masks import decoder_of, read_masked
from zoo.common.datasets.tables import rows
from zoo.common.datasets.unlabelled import image_alone
from zoo.common.errors import DataError, ZooWarning

SUFFIXES = (".nii.gz", ".nii")
IS_MASK = re.compile(r"_(dseg|seg|mask|label|lesion)|_(?:seg|label|desc)-[A-Za-z0-9]+")
SPLIT_FROM = "from participants.tsv"
ENTITIES = re.compile(r"sub-[A-Za-z0-9]+(_ses-[A-Za-z0-9]+)?")


def recognises(root: Path) -> bool:
    """Say whether there are subjects and derivatives."""
    return (root / "derivatives").is_dir() and next(iter(matching(root, "sub-*")), None) is not None


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the rows of a dseg.tsv (index, name), wherever it lies; () without one."""
    listing = next((path for path in walk(root) if path.name.endswith("dseg.tsv")), None)
    if listing is None:
        return ()
    try:
        table = sorted((int(row["index"]), row["name"]) for row in rows(listing))
    except (KeyError, ValueError) as error:
        raise DataError(f"{listing}: expected columns index and name ({type(error).__name__}: {error})") from error
    names = tuple(name for _, name in table)
    return names if table and table[0][0] == 0 else ("background", *names)


def read(root: Path, task: str) -> list[Record]:
    """List the images that have a mask; the group is the subject, a column `split` of participants.tsv is used."""
    if task != "segmentation":
        raise DataError(f"{root}: BIDS folders are read for segmentation, not for {task}")
    masks = [path for path in _volumes(root / "derivatives") if IS_MASK.search(_stem(path))]
    images = [path for subject in matching(root, "sub-*") for path in _volumes(subject)]
    splits, decode = _splits(root), decoder_of(len(classes(root, task)) or None)
    records, alone = [], list[Path]()
    for image in images:
        mask = _mask_of(image, images, masks)
        subject = _stem(image).split("_", 1)[0]
        if mask is None:
            alone.append(image)
        else:
            load = partial(read_masked, image, mask, subject, decode)
            if splits and subject not in splits:
                raise DataError(f"{root / 'participants.tsv'}: has a split, but no line for {subject}; add one")
            split = splits.get(subject, "")
            records.append(
                Record(_stem(image), split, subject, load, (image, mask), None, SPLIT_FROM, "grouped by subject")
            )
    if not records:
        raise DataError(
            f"{root}: {len(images)} images in sub-*/ and {len(masks)} masks (*_dseg, *_seg, *_mask, *_label) in "
            f"derivatives/, but no pair of equal names; {describe(root / 'derivatives')}"
        )
    return records + _unlabelled(records, alone, splits, root)


def _unlabelled(records: list[Record], alone: list[Path], splits: Mapping[str, str], root: Path) -> list[Record]:
    """List the images of subjects and sessions without any mask, of the kinds (T2w) that have masks elsewhere.

    Those of subjects that are to be validated or tested on are left out, with a warning.
    """
    known = {_entities(record.files[0]) for record in records}
    kinds = {_kind(record.files[0]) for record in records}
    kept = [path for path in alone if _entities(path) not in known and _kind(path) in kinds]
    subjects = {path: _stem(path).split("_", 1)[0] for path in kept}
    tested = [path for path, subject in subjects.items() if split_name(splits.get(subject, "")) in ("val", "test")]
    if tested:
        warnings.warn(
            f"{root / 'participants.tsv'}: {len(tested)} images of the validation or test split have no mask and are "
            f"left out, such as {tested[0].name}",
            ZooWarning,
            stacklevel=2,
        )
    return [
        Record(_stem(path), UNLABELLED, subject, partial(image_alone, (path,), _stem(path), subject), (path,))
        for path, subject in subjects.items()
        if path not in tested
    ]


def _kind(path: Path) -> str:
    return _stem(path).rsplit("_", 1)[-1]


def _splits(root: Path) -> dict[str, str]:
    """Read the split of each subject; empty where participants.tsv does not say."""
    lines = rows(root / "participants.tsv")
    given = {row.get("participant_id", ""): row.get("split", "") for row in lines}
    if not any(given.values()):
        return {}
    return {name if name.startswith("sub-") else f"sub-{name}": split for name, split in given.items()}


def _volumes(folder: Path) -> list[Path]:
    return sorted(path for path in walk(folder) if path.name.startswith("sub-") and path.name.endswith(SUFFIXES))


def _stem(path: Path) -> str:
    return path.name.split(".nii")[0]


def _mask_of(image: Path, images: list[Path], masks: list[Path]) -> Path | None:
    named = [mask for mask in masks if _stem(mask).startswith(_stem(image) + "_")]
    same = [path for path in images if _entities(path) == _entities(image)]
    if not named and len(same) == 1:
        others = [mask for mask in masks if _entities(mask) == _entities(image)]
        named = [mask for mask in others if mask not in named]
    if len(named) > 1:
        listed = ", ".join(path.name for path in named[:4])
        raise DataError(f"{image}: {len(named)} masks fit ({listed}); keep the one to use, or write a manifest.csv")
    return named[0] if named else None


def _entities(path: Path) -> str:
    match = ENTITIES.match(path.name)
    return match[0] if match else path.name
