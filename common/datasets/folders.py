"""What lies in a data folder, without what systems, editors and trainings leave there; links are followed."""

from __future__ import annotations

import difflib
import fnmatch
import os
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from zoo.common.errors import DataError
from zoo.common.files.output_folder import is_run
from zoo.common.io import SUFFIXES, file_suffix

# names that nobody chose; hidden ones and the lock files of office programs are found by how they begin
CLUTTER = frozenset(
    [
        "@eadir",
        "@tmp",
        "@recycle",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "__macosx",
        "__pycache__",
        "lost+found",
        "thumbs.db",
        "desktop.ini",
    ]
) | {"system volume information"}
PIXELS_BESIDE = {".mhd": (".raw", ".zraw"), ".hdr": (".img",)}  # headers whose voxels lie in a file of their own


def is_clutter(path: Path) -> bool:
    """Say whether the name is a system's or an editor's: hidden, a thumbnail, a recycle bin, a checkpoint folder."""
    return _is_clutter(path.name)


def entries(folder: Path) -> list[Path]:
    """List what lies in a folder by name, without clutter; none where there is no folder, an error for a dead link."""
    return [path for path, _ in _scan(folder)]


def folders(folder: Path) -> list[Path]:
    """List the folders in a folder."""
    return [path for path, is_folder in _scan(folder) if is_folder]


def matching(root: Path, pattern: str) -> list[Path]:
    """List what fits a pattern such as `*/*.tif` below a folder, sorted, without clutter on the way."""
    head, _, rest = pattern.partition("/")
    found = [path for path in entries(root) if fnmatch.fnmatchcase(path.name, head)]
    return sorted(inner for path in found for inner in matching(path, rest)) if rest else found


def walk(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Go through all files below a folder in order; links to folders are followed, but never in a circle."""
    here = folder.resolve()
    if here in above:
        return
    for path, is_folder in _scan(folder):
        if is_folder:
            yield from walk(path, above | {here})
        else:
            yield path


def pictures(folder: Path) -> list[Path]:
    """List the images of a folder, its subfolders left out."""
    return [path for path, is_folder in _scan(folder) if not is_folder and file_suffix(path) in SUFFIXES]


class Names(dict[str, Path]):
    """Images by their name without suffix, which are found by nearly that name, too; see find_name()."""

    @cached_property
    def nearly(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """The names by what is left of them without case, and without leading zeros."""
        found: tuple[dict[str, list[str]], dict[str, list[str]]] = ({}, {})
        for name in self:
            for alike, key in zip(found, (_folded, _number), strict=True):
                alike.setdefault(key(name), []).append(name)
        return found


def by_name(folder: Path) -> Names:
    """List the images of a folder by their name without suffix, in order.

    Two images of one name, and images in a folder below, which would be left out, are errors.
    """
    found = by_name_alone(folder)
    for inner in folders(folder):
        if lost := pictures(inner):
            raise DataError(
                f"{inner}: {len(lost)} images lie one folder deeper than they are looked for, such as {lost[0].name}; "
                f"move them up into {folder.name}/, or list them in a manifest.csv"
            )
    return found


def by_name_alone(folder: Path) -> Names:
    """List the images of a folder by their name without suffix, whatever the folders below hold."""
    found = Names()
    for path in pictures(folder):
        name = without_suffix(path.name)
        if name in found:
            raise DataError(
                f"{folder}: {found[name].name} and {path.name} have one name; expected one image of each name. "
                "Rename or remove one of them"
            )
        found[name] = path
    return found


def without_suffix(name: str) -> str:
    """Cut the suffix of an image, and no other: `case.1.nii.gz` becomes `case.1`, `case.1` stays."""
    suffix = file_suffix(Path(name))
    return name[: -len(suffix)] if suffix in SUFFIXES else name


def files_of(*paths: Path | None) -> tuple[Path, ...]:
    """List every file that reading these images opens: all slices of a folder, the voxels beside a header."""
    found: list[Path] = []
    for path in paths:
        if path is None:
            continue
        if path.is_dir():
            found += walk(path)
            continue
        found.append(path)
        beside = (path.with_suffix(end) for end in PIXELS_BESIDE.get(path.suffix.lower(), ()))
        found += [other for other in beside if other.is_file()]
    return tuple(found)


def find_name(text: str, names: Names, where: str) -> str | None:
    """Return the image that a table means, None without one.

    The name may come with a folder and a suffix. Where it is not there as written, case and the way accents are stored
    do not count, and then neither do leading zeros, which spreadsheets drop. Raises DataError where two images fit.
    """
    if text in names:
        return text
    name = without_suffix(text.strip().replace("\\", "/").rsplit("/", 1)[-1])
    if name in names:
        return name
    for nearly, key in zip(names.nearly, (_folded, _number), strict=True):
        alike = nearly.get(key(name), [])
        if len(alike) > 1:
            raise DataError(f"{where}: {text!r} may mean {' or '.join(alike)}; write the name as the file has it")
        if alike:
            return alike[0]
    return None


def unknown_names(unknown: list[str], names: Names, where: str, place: Path) -> DataError:
    """Return the error for names without an image: how many, one of them, and the most similar that there is."""
    unknown = list(dict.fromkeys(unknown))  # points of one image stand on many lines
    similar = difflib.get_close_matches(unknown[0], list(names), 1) or list(names)[:1]
    there = f"which holds {similar[0]!r}" if similar else "which holds no image"
    return DataError(
        f"{where}: {len(unknown)} name(s) without an image, such as {unknown[0]!r}; expected names of files in "
        f"{place}/, {there}. Correct or delete these lines"
    )


def _scan(folder: Path) -> list[tuple[Path, bool]]:
    """List what lies in a folder by name, and whether each is a folder itself."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as listing:
        found = sorted((entry for entry in listing if not _is_clutter(entry.name)), key=lambda entry: entry.name)
    kept = [(folder / entry.name, entry) for entry in found]
    for path, entry in kept:
        if entry.is_symlink() and not os.path.exists(path):
            raise DataError(
                f"{path}: a link to {os.readlink(path)}, which is not there; expected a file or folder. Fetch it "
                "(such as with `datalad get`), or delete the link"
            )
    return [(path, entry.is_dir()) for path, entry in kept if not (entry.is_dir() and is_run(path))]


def _is_clutter(name: str) -> bool:
    return name.startswith((".", "~$")) or name.casefold() in CLUTTER


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _number(name: str) -> str:
    return str(int(name)) if name.isascii() and name.isdigit() else _folded(name)
