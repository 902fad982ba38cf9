"""Names for the files of many predictions, such that nobody takes the mask of one image for that of another."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from zoo.common.files.names import as_file_name, digest_of
from zoo.common.io import SUFFIXES, file_suffix


def file_stems(names: Iterable[str]) -> dict[str, str]:
    """Choose a path without suffix per name: the stem of the file, below as many of its folders as tell all apart.

    Two files of one folder that differ in their suffixes alone keep these: scan.png and scan.jpg. Names that some
    systems cannot tell apart, as A and a, get a piece of a hash each.
    """
    distinct = list(dict.fromkeys(names))
    folders = _below_the_common(distinct)
    stems = {name: _stem(name) for name in distinct}
    while twins := _equal({name: (*folders[name], stems[name]) for name in distinct if stems[name] != _whole(name)}):
        stems |= {name: _whole(name) for name in distinct if _key((*folders[name], stems[name])) in twins}
    deepest = max((len(parts) for parts in folders.values()), default=0)
    for depth in range(deepest + 1):
        chosen = {name: (*_last(folders[name], depth), stems[name]) for name in distinct}
        if not _equal(chosen):
            break
    safe = {name: [as_file_name(part) for part in parts] for name, parts in chosen.items()} if distinct else {}
    alike = _equal(safe)
    marks = {name: f"~{digest_of(name)}" if _key(parts) in alike else "" for name, parts in safe.items()}
    return {name: "/".join(parts) + marks[name] for name, parts in safe.items()}


class FreePaths:
    """Free paths in a folder: by `stems` where the name is in it, else by its file; numbered where taken.

    used: paths that are there already, below the parent of the folder.
    """

    def __init__(self, folder: Path, stems: Mapping[str, str] | None = None, used: Iterable[str] = ()) -> None:
        self.folder = folder
        self.stems = stems or {}
        self.taken = {_key(Path(path).parts[1:]) for path in used if Path(path).parts[:1] == (folder.name,)}

    def new(self, name: str, suffix: str = ".png") -> Path:
        """Return a path with the suffix that no other call got, on systems that ignore case either."""
        stem, number = self.stems.get(name) or as_file_name(_stem(name)), 1
        *parents, last = stem.split("/")
        path = Path(*parents, as_file_name(last, suffix))
        while _key(path.parts) in self.taken:
            number += 1
            path = Path(*parents, as_file_name(f"{last}~{number}", suffix))
        self.taken.add(_key(path.parts))
        return self.folder / path


def _equal(paths: Mapping[str, Sequence[str]]) -> set[tuple[str, ...]]:
    """Return the keys that more than one name has."""
    return {key for key, count in Counter(_key(parts) for parts in paths.values()).items() if count > 1}


def _key(parts: Sequence[str]) -> tuple[str, ...]:
    """Return what a file system compares that minds neither case nor how accents are composed."""
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in parts)


def _below_the_common(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the folders of each name, without those that all of them have."""
    parts = {name: Path(os.path.abspath(name)).parts[1:-1] for name in names}
    shared = takewhile(lambda level: len(set(level)) == 1, zip(*parts.values(), strict=False))
    common = len(list(shared))
    return {name: folders[common:] for name, folders in parts.items()}


def _last(parts: tuple[str, ...], count: int) -> tuple[str, ...]:
    return parts[len(parts) - count :] if count < len(parts) else parts


def _whole(name: str) -> str:
    return Path(name).name or name


def _stem(name: str) -> str:
    whole, suffix = _whole(name), file_suffix(Path(name))
    return whole[: -len(suffix)] if suffix in SUFFIXES and len(whole) > len(suffix) else whole
