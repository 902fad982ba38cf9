"""A folder of masks alone, made worse file by file."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from zoo.common.datasets.folders import by_name_alone, pictures
from zoo.common.datasets.masks import read_mask
from zoo.common.degrade import degrade_mask
from zoo.common.errors import DataError, OutputError
from zoo.common.files.outputs import user_path
from zoo.common.io import read_image
from zoo.common.io.write import write_labels

MOST_CLASSES = 128  # of a mask; a grey picture has more


def is_folder_of_masks(root: Path) -> bool:
    """Tell whether a folder holds pictures or volumes and no folder or table."""
    if not root.is_dir():
        return False
    found = pictures(root)
    return bool(found) and len(found) == len([path for path in root.iterdir() if not path.name.startswith(".")])


def degrade_folder(root: Path, out: Path, kind: str, share: float, seed: int) -> int:
    """Write worse masks under the names of the old ones; return how many there are."""
    target = user_path(out)
    if target.exists() and any(target.iterdir()):
        raise OutputError(f"{target}: is there already; expected a new or empty folder. Give another name")
    target.mkdir(parents=True, exist_ok=True)
    stems = {path: stem for stem, path in by_name_alone(root).items()}
    files = sorted(stems)
    order = np.random.default_rng(seed).permutation(len(files))
    changed = {files[i] for i in order[: max(1, round(share * len(files)))]}
    for path in files:
        image = read_image(path)
        mask, stem = read_mask(path, image), stems[path]
        if len(numbers := np.unique(mask)) > MOST_CLASSES:
            raise DataError(
                f"{path}: holds {len(numbers)} different numbers, as an image does; expected a mask of class numbers. "
                "Give a folder of masks, or a data set with both"
            )
        if path in changed:
            mask = degrade_mask(mask, kind, np.random.default_rng([seed, zlib.crc32(stem.encode())]))
        name = f"{stem}.png" if mask.ndim == 2 else f"{stem}.nii.gz"
        write_labels(target / name, mask, image, tuple(map(str, range(256))))
    return len(files)
