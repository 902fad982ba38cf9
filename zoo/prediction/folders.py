"""The images of a folder with all its levels: links are followed, and what cannot be reached is listed, too."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from zoo.common.datasets.folders import is_clutter
from zoo.common.files.output_folder import written_files
from zoo.common.io import SUFFIXES, file_suffix
from zoo.common.io.dicom_series import dicom_files, holds_series


def folder_images(folder: Path) -> list[Path]:
    """List the images of a folder and its subfolders, sorted; a folder with a DICOM series instead of its slices.

    Links to folders are followed, each folder counts once. Dead links and folders that may not be opened are listed
    as well: reading them says what is wrong. What an earlier run of the zoo wrote is left out.
    """
    found: list[Path] = []
    written: set[Path] = set()
    for place in folders_below(folder):
        written |= written_files(place)
        try:
            files = [path for path in sorted(place.iterdir()) if not is_clutter(path) and not path.is_dir()]
            slices = [path for path in dicom_files(place) if not is_clutter(path)]
        except OSError:
            found.append(place)
            continue
        is_series = len(slices) > 1 and holds_series(slices)
        known = set(slices)
        found += [place] if is_series else slices
        found += [path for path in files if path not in known and _may_be_image(path)]
    return sorted(path for path in found if path not in written)


def folders_below(folder: Path) -> Iterator[Path]:
    """Yield a folder and those below it that are not hidden, each once; linked ones after all others."""
    waiting, links = deque([folder]), deque[Path]()
    seen: set[tuple[int, int]] = set()
    while waiting or links:
        place = (waiting or links).popleft()
        identity = place.stat()
        if (identity.st_dev, identity.st_ino) in seen:
            continue
        seen.add((identity.st_dev, identity.st_ino))
        yield place
        for child in _children(place):
            (links if child.is_symlink() else waiting).append(child)


def _children(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:  # whoever reads the folder says so
        return []
    return [folder / name for name in names if not is_clutter(Path(name)) and (folder / name).is_dir()]


def _may_be_image(path: Path) -> bool:
    """Whether the name is one of an image, or of a dead link that could have been one."""
    return file_suffix(path) in SUFFIXES or (not path.suffix and path.is_symlink() and not path.exists())
