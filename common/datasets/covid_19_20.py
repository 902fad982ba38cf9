"""COVID-19-20 challenge: CT volumes with lesion masks (Roth et al. 2022).

Train/volume-covid19-A-<number>_ct.nii.gz with ..._seg.nii.gz, 0 and 1, in COVID-19-20_v2/. The official Validation/ has
no masks and is left alone; one volume per patient, so a split is drawn.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from zoo.common.datasets import Record, describe
from zoo.common.datasets.folders import matching
from zoo.common.datasets.masks import anything, read_masked
from zoo.common.errors import DataError

CLASSES = ("background", "lesion")
IMAGE, MASK = "_ct.nii.gz", "_seg.nii.gz"


def recognises(root: Path) -> bool:
    """Say whether Train/ holds volumes of this name."""
    return _folder(root) is not None


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name what the masks count."""
    return CLASSES


def read(root: Path, task: str) -> list[Record]:
    """List the volumes that have a mask."""
    if task != "segmentation":
        raise DataError(f"{root}: COVID-19-20 is read for segmentation, not for {task}")
    folder = _folder(root)
    if folder is None:
        raise DataError(f"{root}: looked for Train/volume-covid19-*{IMAGE}; {describe(root)}")
    records = []
    for path in matching(folder, f"volume-covid19-*{IMAGE}"):
        name = path.name[: -len(IMAGE)]
        mask = path.with_name(name + MASK)
        if not mask.is_file():
            raise DataError(f"{mask}: this mask is missing; {describe(folder)}")
        records.append(Record(name, "", name, partial(read_masked, path, mask, name, anything), (path, mask)))
    return records


def _folder(root: Path) -> Path | None:
    for folder in (root, root / "Train", root / "COVID-19-20_v2" / "Train"):
        if matching(folder, f"volume-covid19-*{MASK}"):
            return folder
    return None
