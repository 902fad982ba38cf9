"""Which files of a folder are COCO's, whatever they are called: annotations.json, instances_default.json, ..."""

from __future__ import annotations

import re
from pathlib import Path

from zoo.common.datasets.columns import split_name
from zoo.common.datasets.folders import entries
from zoo.common.errors import DataError

NAMED = ("instances.json", "boxes.json")  # meant whatever is in them
KEYS = (b'"images"', b'"annotations"', b'"categories"')
SNIFFED_BYTES = 1 << 16  # at either end of a file; the largest are half a gigabyte


def coco_file(root: Path) -> Path | None:
    """Find the one COCO file of a folder with images/: one of NAMED, or any in it or in annotations/; else None."""
    for name in NAMED:
        if (root / name).is_file():
            return root / name
    found = coco_files(root) + coco_files(root / "annotations")
    if len(found) > 1 and len({named_split(path) for path in found}) == 1:
        raise DataError(
            f"{root}: {', '.join(path.name for path in found)} are COCO files; expected one, or one per split, "
            "such as instances_train.json and instances_val.json. Move the others away"
        )
    return found[0] if len(found) == 1 else None


def coco_files(folder: Path) -> list[Path]:
    """List the COCO files of a folder; where some outline instances, those of key points and captions are left out."""
    found = [path for path in entries(folder) if path.suffix.lower() == ".json" and path.is_file() and _is_coco(path)]
    return [path for path in found if path.name.startswith("instances")] or found


def named_split(path: Path) -> str:
    """Return the split that a name tells, as in instances_train2017.json; "" where it tells none."""
    words = (re.sub(r"\d+$", "", word) for word in re.split(r"[^a-zA-Z0-9]+", path.stem))
    splits = ("train", "val", "test")
    return next((split for word in words if (split := split_name(word)) in splits), "")


def _is_coco(path: Path) -> bool:
    """Look at both ends of a file for the keys of a COCO file."""
    with path.open("rb") as file:
        seen = file.read(SNIFFED_BYTES)
        file.seek(max(file.tell(), path.stat().st_size - SNIFFED_BYTES))
        seen += file.read(SNIFFED_BYTES)
    return sum(key in seen for key in KEYS) >= 2
