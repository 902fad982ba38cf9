"""MM-WHS 2017: whole hearts in CT and MR with seven structures (Zhuang and Shen 2016).

{ct,mr}_train*/{ct,mr}_train_<number>_{image,label}.nii.gz, also unpacked to .nii; other folders of *_image and *_label
files are read the same way. The official tests have no labels, so the folds of Payer et al. are used.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from zoo.common.datasets import Record, describe
from zoo.common.datasets.folders import matching
from zoo.common.datasets.masks import mapped, read_masked
from zoo.common.errors import DataError

CLASSES = (
    "background",
    "left_ventricle",
    "right_ventricle",
    "left_atrium",
    "right_atrium",
    "myocardium",
    "aorta",
    "pulmonary_artery",
)
# stored value: class; 421 occurs in MR files and means 420, anything else is background
VALUES = {500: 1, 600: 2, 420: 3, 421: 3, 550: 4, 205: 5, 820: 6, 850: 7}
FOLDS = {  # the test cases of each turn
    "ct": (
        (1001, 1005, 1006, 1010, 1011, 1019),
        (1007, 1008, 1012, 1013, 1015, 1017, 1020),
        (1002, 1003, 1004, 1009, 1014, 1016, 1018),
    ),
    "mr": (
        (1006, 1007, 1009, 1013, 1015, 1020),
        (1004, 1005, 1008, 1010, 1016, 1018, 1019),
        (1001, 1002, 1003, 1011, 1012, 1014, 1017),
    ),
}
VALIDATE = 2  # cases of the next fold that validate (our choice; Payer et al. used none)


def recognises(root: Path) -> bool:
    """Say whether there are images of the challenge with their labels."""
    return any(re.match(r"(ct|mr)_train_\d+", name) for _, _, name in _cases(root))


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the structures."""
    return CLASSES


def read(root: Path, task: str, fold: int = 0) -> list[Record]:
    """List the hearts; fold `fold` (0, 1, 2) is the test of each modality. Other cases get a drawn split."""
    if task != "segmentation":
        raise DataError(f"{root}: MM-WHS is read for segmentation, not for {task}")
    cases = _cases(root)
    if not cases:
        raise DataError(f"{root}: looked for *_image.nii.gz with *_label.nii.gz in it and below; {describe(root)}")
    splits = [split_of(name, fold) for _, _, name in cases]
    known = all(splits)
    return [
        Record(
            name,
            split or "" if known else "",
            name,
            partial(read_masked, image, label, name, mapped(VALUES)),
            (image, label),
        )
        for (image, label, name), split in zip(cases, splits, strict=True)
    ]


def split_of(name: str, fold: int = 0) -> str | None:
    """Return the split of a case such as ct_train_1001; None for other names."""
    match = re.match(r"(ct|mr)_train_(\d+)", name)
    if match is None:
        return None
    folds, number = FOLDS[match[1]], int(match[2])
    if number in folds[fold]:
        return "test"
    return "val" if number in folds[(fold + 1) % 3][:VALIDATE] else "train"


def _cases(root: Path) -> list[tuple[Path, Path, str]]:
    found = []
    for pattern in ("*_image.nii*", "*/*_image.nii*"):
        for image in matching(root, pattern):
            name, suffix = image.name.split("_image", 1)
            labels = [image.with_name(f"{name}_label{end}") for end in (suffix, ".nii.gz", ".nii")]
            found += [(image, label, name) for label in labels if label.is_file()][:1]
    return found
