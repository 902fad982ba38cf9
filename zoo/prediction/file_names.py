"""Names for the files of many predictions, such that nobody takes the mask of one image for that of another."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from zoo.common.io import SUFFIXES, file_suffix
from zoo.common.names import as_file_name

LONGEST_SUFFIX = 16  # characters kept free in a name for the suffix and for a number


def file_stems(names: Iterable[str]) -> dict[str, str]:
    """Choose a path without suffix per name: the stem of the file, below as many of its folders as tell all apart.

    Two files of one folder that differ in their suffixes alone keep these: scan.png and scan.jpg.
    """
    distinct = list(dict.fromkeys(names))
    folders = {name: _folders(name) for name in distinct}
    stems = {name: _stem(name) for name in distinct}
    while twins := _equal({name: (*folders[name], stems[name]) for name in distinct if stems[name] != _whole(name)}):
        stems |= {name: _whole(name) for name in distinct if _key((*folders[name], stems[name])) in twins}
    deepest = max((len(parts) for parts in folders.values()), default=0)
    for depth in range(deepest + 1):
        chosen = {name: (*_last(folders[name], depth), stems[name]) for name in distinct}
        if not _equal(chosen):
            break
    return {name: "/".join(as_file_name(part) for part in parts) for name, parts in chosen.items()} if distinct else {}


class FreePaths:
    """Free paths in a folder: by `stems` where the name is in it, else by its file; numbered where taken."""

    def __init__(self, folder: Path, stems: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.stems = stems or {}
        self.taken: set[tuple[str, ...]] = set()

    def new(self, name: str, suffix: str = ".png") -> Path:
        """Return a path with the suffix that no other call got, on systems that ignore case either."""
        stem, number = self.stems.get(name) or as_file_name(_stem(name)), 1
        *parents, last = stem.split("/")
        path = Path(*parents, as_file_name(last, suffix))
        while _key(path.parts) in self.taken:
            number += 1
            path = Path(*parents, as_file_name(f"{last}~{number}", suffix))
        self.taken |= {_key(path.parts[:end]) for end in range(1, len(path.parts) + 1) if end == len(path.parts)}
        return self.folder / path


def _equal(paths: Mapping[str, Sequence[str]]) -> set[tuple[str, ...]]:
    """Return the keys that more than one name has."""
    return {key for key, count in Counter(_key(parts) for parts in paths.values()).items() if count > 1}


def _key(parts: Sequence[str]) -> tuple[str, ...]:
    """Return what a file system compares that minds neither case nor how accents are composed."""
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in parts)


def _folders(name: str) -> tuple[str, ...]:
    return tuple(part for part in Path(name).parts[:-1] if part not in ("/", ".", "..") and part != Path(name).anchor)


def _last(parts: tuple[str, ...], count: int) -> tuple[str, ...]:
    return parts[len(parts) - count :] if count < len(parts) else parts


def _whole(name: str) -> str:
    return Path(name).name or name


def _stem(name: str) -> str:
    whole, suffix = _whole(name), file_suffix(Path(name))
    return whole[: -len(suffix)] if suffix in SUFFIXES and len(whole) > len(suffix) else whole
