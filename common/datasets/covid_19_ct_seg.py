"""COVID-19-CT-Seg: 20 CT volumes with both lungs and infections outlined (Ma et al. 2021, arXiv 2004.12537).

COVID-19-CT-Seg_20cases/<name>.nii.gz, and under the same names Lung_and_Infection_Mask/ (1 left lung, 2 right lung, 3
infection), Infection_Mask/ (1) and Lung_Mask/ (1, 2), each unpacked into a folder of its own; the first of these that
is there is read. Some patients of Radiopaedia have two volumes, and theirs hold 0..255 instead of HU; a split is drawn
by patient. From published descriptions; the files themselves were not seen.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from zoo.common.datasets import Record, describe
from zoo.common.datasets.folders import by_name, files_of
from zoo.common.datasets.masks import read_masked
from zoo.common.errors import DataError

IMAGES = "COVID-19-CT-Seg_20cases"
MASKS = {
    "Lung_and_Infection_Mask": ("background", "left_lung", "right_lung", "infection"),
    "Infection_Mask": ("background", "infection"),
    "Lung_Mask": ("background", "left_lung", "right_lung"),
}


def recognises(root: Path) -> bool:
    """Say whether the volumes and a folder of masks lie side by side."""
    return (root / IMAGES).is_dir() and _masks(root) is not None


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name what the masks count."""
    return MASKS[_masks(root) or "Lung_and_Infection_Mask"]


def read(root: Path, task: str) -> list[Record]:
    """List the volumes; the group is the patient."""
    if task != "segmentation":
        raise DataError(f"{root}: COVID-19-CT-Seg is read for segmentation, not for {task}")
    folder = _masks(root)
    if folder is None:
        raise DataError(f"{root}: looked for {IMAGES}/ beside one of {', '.join(MASKS)}; {describe(root)}")
    masks, records = by_name(root / folder), []
    for name, path in by_name(root / IMAGES).items():
        if name not in masks:
            raise DataError(f"{root / folder}: no mask for {name}; {describe(root / folder)}")
        patient = "_".join(name.split("_")[:2])  # coronacases_001, radiopaedia_10 of radiopaedia_10_85902_1
        load = partial(read_masked, path, masks[name], patient)
        records.append(Record(name, "", patient, load, files_of(path, masks[name])))
    return records


def _masks(root: Path) -> str | None:
    return next((name for name in MASKS if (root / name).is_dir()), None)
