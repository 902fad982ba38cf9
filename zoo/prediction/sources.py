"""What a user may pass to predict(), as a lazy row of images in which bad files are errors and not the end."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sized
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeGuard

from zoo.common.answers.prediction import Prediction
from zoo.common.datasets.folders import is_clutter
from zoo.common.errors import InputError
from zoo.common.io import SUFFIXES, file_suffix, read_image
from zoo.common.io.dicom_series import dicom_files, holds_series
from zoo.common.io.images import checked_image
from zoo.common.io.objects import is_object, to_image
from zoo.common.types import Image

Item: TypeAlias = tuple[str, Callable[[], Image]]
Spacing: TypeAlias = tuple[float, ...] | None


class PredictionList(list[Prediction]):
    """The predictions of many images in order; `failures` names each image that could not be used, and why."""

    def __init__(self, predictions: Iterable[Prediction] = (), failures: Iterable[tuple[str, InputError]] = ()) -> None:
        super().__init__(predictions)
        self.failures = list(failures)


class Images:
    """A row of images that are read one by one while iterating; countable unless a generator gives them."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = items

    def __len__(self) -> int:
        if isinstance(self.items, Sized):
            return len(self.items)
        raise TypeError("images of a generator are counted by reading them")

    def __iter__(self) -> Iterator[tuple[str, Image | InputError]]:
        for name, load in self.items:
            try:
                yield name, load()
            except InputError as error:
                yield name, error


def images(source: object, spacing_mm: Spacing = None) -> Images:
    """Find the images of a path, folder, glob, array, Image, or list or generator of these; read none of them yet.

    A folder is searched with its subfolders for known suffixes, in sorted order, without hidden files; one that holds
    slices of a DICOM series is one volume.
    spacing_mm: (h, w) size of one pixel where the file does not say it right.
    """
    if _is_generator(source):
        return Images(_drawn(source, spacing_mm))
    if isinstance(source, (list, tuple)):
        items = [item for i, entry in enumerate(source) for item in _items(entry, spacing_mm, f"array {i}")]
    else:
        items = _items(source, spacing_mm, "array")
    if not items:
        raise InputError(f"{source!r} holds no image; expected at least one ({', '.join(SUFFIXES)})")
    return Images(items)


def is_single(source: object) -> bool:
    """Whether the source means one image, so that predict() answers with one prediction and raises."""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        return folder_images(path) == [path] if path.is_dir() else not _is_pattern(source)
    return not isinstance(source, (list, tuple)) and not _is_generator(source)


def _is_generator(source: object) -> TypeGuard[Iterator[object]]:
    return isinstance(source, Iterator) and not is_object(source)  # open files are iterators of lines, too


def _drawn(source: Iterator[object], spacing_mm: Spacing) -> Iterator[Item]:
    """Take entries from a generator one by one; one that is no image is an item that fails."""
    for i, entry in enumerate(source):
        name = f"array {i}"
        try:
            yield from _items(entry, spacing_mm, name)
        except InputError as error:
            yield name, partial(_refuse, error)


def _refuse(error: InputError) -> Image:
    raise error


def _items(entry: object, spacing_mm: Spacing, name: str) -> list[Item]:
    if isinstance(entry, (str, os.PathLike)):
        return [(str(path), lambda path=path: read_image(path, spacing_mm)) for path in _paths(entry)]  # type: ignore[misc]
    if isinstance(entry, Image):
        return [(entry.name, lambda: checked_image(entry))]
    if is_object(entry):
        return [(name, lambda: to_image(entry, spacing_mm, name))]
    raise InputError(
        f"{type(entry).__name__} given as image; expected a path, folder, glob, array, zoo.Image, bytes of a file, an "
        "open file, an image of Pillow, SimpleITK or nibabel, or a list or generator of these"
    )


def _paths(entry: str | os.PathLike[str]) -> list[Path]:
    path = Path(entry)
    if path.is_dir():
        return folder_images(path)
    if _is_pattern(entry):
        found = sorted(Path(name) for name in glob.glob(str(entry), recursive=True))
        return [image for path in found for image in (folder_images(path) if path.is_dir() else [path])]
    return [path]


def folder_images(folder: Path) -> list[Path]:
    """List the images of a folder and its subfolders, sorted; a folder with a DICOM series instead of its slices."""
    found: list[Path] = []
    for place in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        if any(is_clutter(Path(part)) for part in place.relative_to(folder).parts):
            continue
        slices = [path for path in dicom_files(place) if not is_clutter(path)]
        series = len(slices) > 1 and holds_series(slices)
        found += [place] if series else slices
        known = (path for path in place.iterdir() if path.is_file() and not is_clutter(path))
        found += [path for path in known if file_suffix(path) in SUFFIXES and path not in slices]
    return sorted(found)


def _is_pattern(entry: str | os.PathLike[str]) -> bool:
    return glob.has_magic(str(entry)) and not Path(entry).exists()
