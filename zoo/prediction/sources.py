"""What a user may pass to predict(), as a lazy row of images in which bad files are errors and not the end."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sized
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeGuard

from zoo.common.errors import InputError, OutputError, ZooError
from zoo.common.files.output_folder import written_files
from zoo.common.files.outputs import user_path
from zoo.common.io import SUFFIXES, read_image
from zoo.common.io.images import checked_image
from zoo.common.io.objects import is_object, to_image
from zoo.common.types import Image
from zoo.prediction.folders import folder_images
from zoo.prediction.options import Spacing, checked_spacing
from zoo.prediction.outcomes import unexpected
from zoo.prediction.predictions import PredictionList as PredictionList

Item: TypeAlias = tuple[str, Callable[[], Image]]


class Images:
    """A row of images that are read one by one while iterating; countable unless a generator gives them."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = items

    def __len__(self) -> int:
        if isinstance(self.items, Sized):
            return len(self.items)
        raise TypeError("images of a generator are counted by reading them")

    def names(self) -> list[str]:
        """Return the names of all images, as far as they are known before one is read."""
        return [name for name, _ in self.items] if isinstance(self.items, Sized) else []

    def __iter__(self) -> Iterator[tuple[str, Image | ZooError]]:
        for name, load in self.items:
            try:
                image: Image | ZooError = load()
            except ZooError as error:
                image = error
            except Exception as error:  # told with its traceback, see `unexpected`
                image = unexpected(name, error)
            yield name, image


def images(source: object, spacing_mm: Spacing | float = None) -> Images:
    """Find the images of a path, folder, glob, array, Image, or list or generator of these; read none of them yet.

    A folder is searched with its subfolders for known suffixes, in sorted order, without hidden files; one that holds
    slices of a DICOM series is one volume.
    spacing_mm: size of one pixel where the file does not say it right, (h, w) or one number for square pixels.
    """
    spacing_mm = checked_spacing(spacing_mm)
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
        path = _path(source)
        return folder_images(path) == [path] if os.path.isdir(path) else not _is_pattern(source)
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
    path = _path(entry)
    if os.path.isdir(path):
        return folder_images(path)
    if not _is_pattern(entry):
        return [path]
    matches = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
    written = {file for folder in _folders_of(matches) for file in written_files(folder)}
    paths = [path for match in matches for path in (folder_images(match) if match.is_dir() else [match])]
    return [path for path in paths if path not in written]


def _path(entry: str | os.PathLike[str]) -> Path:
    try:
        return user_path(entry)
    except OutputError as error:
        raise InputError(str(error)) from None


def _folders_of(paths: Iterable[Path]) -> set[Path]:
    return {folder for path in paths for folder in path.parents}


def _is_pattern(entry: str | os.PathLike[str]) -> bool:
    return glob.has_magic(str(entry)) and not os.path.lexists(_path(entry))
