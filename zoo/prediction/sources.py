"""What a user may pass to predict(), as a lazy row of images in which bad files are errors and not the end."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple, TypeGuard

from zoo.common.errors import InputError, OutputError, ZooError
from zoo.common.files.names import printable
from zoo.common.files.output_folder import is_run, written_files
from zoo.common.files.outputs import user_path
from zoo.common.io import SUFFIXES
from zoo.common.io.dicom_study import Header, read_header
from zoo.common.io.images import checked_image
from zoo.common.io.objects import is_object, to_image
from zoo.common.types import Image
from zoo.prediction.folders import Found, Listing, is_index, list_images, list_index, without_masks
from zoo.prediction.folders import folder_images as folder_images
from zoo.prediction.options import Spacing, checked_spacing
from zoo.prediction.outcomes import unexpected
from zoo.prediction.predictions import PredictionList as PredictionList
from zoo.prediction.series import PATH, SERIES, Choice, Wanted, checked_name_by, choice_of, series_name

SHOWN = 5  # of what was left out, in a message


class Item(NamedTuple):
    """An image under its name, and what reads it; path: where it lies, if on a disc; files: all, where several."""

    name: str
    load: Callable[[], Image]
    path: Path | None = None
    files: tuple[Path, ...] = ()


class Images:
    """A row of images that are read one by one while iterating; countable unless a generator gives them.

    left_out: what lies among them and is not read, path and reason. is_single: the source means one image, so that
    predict() answers with one prediction and raises. spacing_mm: the size of a pixel that was given for all.
    """

    def __init__(
        self,
        items: Iterable[Item],
        left_out: Sequence[tuple[str, str]] = (),
        *,
        is_single: bool = False,
        spacing_mm: Spacing = None,
    ) -> None:
        self.items = items
        self.left_out = list(left_out)
        self.is_single = is_single
        self.spacing_mm = spacing_mm

    def __len__(self) -> int:
        if isinstance(self.items, Sized):
            return len(self.items)
        raise TypeError("images of a generator are counted by reading them")

    def names(self) -> list[str]:
        """Return the names of all images, as far as they are known before one is read."""
        return [item[0] for item in self.items] if isinstance(self.items, Sized) else []

    def without(self, done: Container[str]) -> Images:
        """Return those of other names; a generator drops them when it comes to them, unread."""
        if isinstance(self.items, Sized):
            return Images([item for item in self.items if item[0] not in done], self.left_out)
        return Images((item for item in self.items if item[0] not in done), self.left_out)

    def __iter__(self) -> Iterator[tuple[str, Image | ZooError]]:
        for name, load, *_ in self.items:
            try:
                image: Image | ZooError = load()
            except ZooError as error:
                image = error
            except Exception as error:  # told with its traceback, see `unexpected`
                image = unexpected(name, error)
            yield name, image

    def complaint(self) -> str:
        """Say what was left out; "" where nothing was."""
        told = "; ".join(f"{printable(name)}: {reason}" for name, reason in self.left_out[:SHOWN])
        more = f" and {len(self.left_out) - SHOWN} more" if len(self.left_out) > SHOWN else ""
        return f"{len(self.left_out)} left out ({told}{more})" if told else ""


def images(
    source: object, spacing_mm: Spacing | float = None, series: Wanted | None = None, name_by: str = PATH
) -> Images:
    """Find the images of a path, folder, glob, array, Image, or list or generator of these; read none of them yet.

    A folder is searched with its subfolders for known suffixes, in sorted order, without hidden files; the slices of
    each DICOM series in it are one volume. A DICOMDIR stands for the images that it names.
    spacing_mm: size of one pixel where the file does not say it right, (h, w) or one number for square pixels.
    series: the DICOM series that are wanted, see `choice_of`. name_by: "path", or "series" for
    PatientID/SeriesInstanceUID.
    """
    asked = Asked(checked_spacing(spacing_mm), choice_of(series), checked_name_by(name_by))
    if _is_generator(source):
        return Images(_drawn(source, asked), spacing_mm=asked.spacing_mm)
    if isinstance(source, (list, tuple)):
        read = [_entries(entry, asked, f"array {i}") for i, entry in enumerate(source)]
    else:
        read = [_entries(source, asked, "array")]
    items, masks = _without_masks([item for found, _ in read for item in found])
    items, copies = _once(items)
    left_out = [entry for _, others in read for entry in others] + masks + copies
    if not items:
        raise InputError(_nothing_in(source, left_out))
    return Images(items, left_out, is_single=_means_one(source, items), spacing_mm=asked.spacing_mm)


def _nothing_in(source: object, left_out: Sequence[tuple[str, str]]) -> str:
    """Say that nothing is left to predict, and why."""
    told = str(source)
    if isinstance(source, (list, tuple)) and source and all(isinstance(one, (str, Path)) for one in source):
        told = ", ".join(map(str, source))
    if not left_out:
        return f"{printable(told)!r:.300} holds no image; expected at least one ({', '.join(SUFFIXES)})"
    complaint = Images([], list(left_out)).complaint()
    return f"{printable(told)!r:.300} holds no image that is wanted; expected at least one: {complaint}"


@dataclass(frozen=True)
class Asked:
    """What a user says of the images: the size of a pixel, the wanted series, how they are called."""

    spacing_mm: Spacing
    choice: Choice
    name_by: str


def is_single(source: object) -> bool:
    """Whether the source means one image, so that predict() answers with one prediction and raises."""
    return not _is_generator(source) and images(source).is_single


def _is_generator(source: object) -> TypeGuard[Iterator[object]]:
    return isinstance(source, Iterator) and not is_object(source)  # open files are iterators of lines, too


def _means_one(source: object, items: Sequence[Item]) -> bool:
    if isinstance(source, (str, os.PathLike)):
        path = _path(source)
        is_volume = os.path.isdir(path) and [item.path for item in items] == [path]
        return is_volume if os.path.isdir(path) or is_index(path) else not _is_pattern(source)
    return not isinstance(source, (list, tuple))


def _drawn(source: Iterator[object], asked: Asked) -> Iterator[Item]:
    """Take entries from a generator one by one; one that is no image is an item that fails."""
    for i, entry in enumerate(source):
        name = f"array {i}"
        try:
            yield from _entries(entry, asked, name)[0]
        except InputError as error:
            yield Item(name, partial(_refuse, error))


def _refuse(error: InputError) -> Image:
    raise error


def _entries(entry: object, asked: Asked, name: str) -> tuple[list[Item], list[tuple[str, str]]]:
    """Return the items that an entry stands for, and what was left out."""
    if isinstance(entry, (str, os.PathLike)):
        listing = _listing(entry)
        refused = [(found, asked.choice.why_not(_header(found, asked))) for found in listing.found]
        left_out = listing.left_out + [(found.name, reason) for found, reason in refused if reason]
        return [_item(found, asked) for found, reason in refused if not reason], left_out
    if isinstance(entry, Image):
        given = entry if asked.spacing_mm is None else replace(entry, spacing_mm=asked.spacing_mm)
        return [Item(entry.name, lambda: checked_image(given))], []
    if is_object(entry):
        return [Item(name, lambda: to_image(entry, asked.spacing_mm, name))], []
    raise InputError(
        f"{type(entry).__name__} given as image; expected a path, folder, glob, array, zoo.Image, bytes of a file, an "
        "open file, an image of Pillow, SimpleITK or nibabel, or a list or generator of these"
    )


def _item(found: Found, asked: Asked) -> Item:
    header = _header(found, asked)
    by_series = asked.name_by == SERIES and header is not None
    name = series_name(header, found.is_volume) if by_series and header is not None else found.name
    return Item(name, lambda: found.read(asked.spacing_mm), found.path)


def _header(found: Found, asked: Asked) -> Header | None:
    """Return the header of a DICOM file; one that was named by itself is opened only where something asks for it."""
    is_needed = found.header is None and bool(asked.choice or asked.name_by == SERIES)
    return read_header(found.path) if is_needed and found.path.is_file() else found.header


def _without_masks(items: Sequence[Item]) -> tuple[list[Item], list[tuple[str, str]]]:
    """Leave out masks that are given along with their images, as a pattern does that the shell has spelled out."""
    listing = without_masks(Listing([Found(item.name, item.path) for item in items if item.path is not None]))
    kept = {found.path for found in listing.found}
    return [item for item in items if item.path is None or item.path in kept], listing.left_out


def _once(items: Sequence[Item]) -> tuple[list[Item], list[tuple[str, str]]]:
    """Leave out what another file has said already: copies of a series, where these name the answers."""
    first: dict[str, Item] = {}
    kept, left_out = [], []
    for item in items:
        before = first.setdefault(item.name, item)
        if before is item or item.path is None or item.path == before.path:
            kept.append(item)
        else:
            left_out.append((str(item.path), f"the same series as {before.path}"))
    return kept, left_out


def _listing(entry: str | os.PathLike[str]) -> Listing:
    path = _path(entry)
    if os.path.isdir(path):
        return list_images(path)
    if is_index(path):
        return list_index(path)
    if not _is_pattern(entry):
        return Listing([Found(str(path), path)])
    matches = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
    asked, folders = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts)), _folders_of(matches)
    runs = {place for place in (*folders, *matches) if is_run(place) and not asked.is_relative_to(place)}
    written = {file for folder in folders for file in written_files(folder)}
    matches = [match for match in matches if not runs & {match, *match.parents}]
    listings = [list_images(match) if match.is_dir() else Listing([Found(str(match), match)]) for match in matches]
    found = [one for listing in listings for one in listing.found if one.path not in written]
    return without_masks(Listing(found, [entry for listing in listings for entry in listing.left_out]))


def _path(entry: str | os.PathLike[str]) -> Path:
    try:
        return user_path(entry)
    except OutputError as error:
        raise InputError(str(error)) from None


def _folders_of(paths: Iterable[Path]) -> set[Path]:
    return {folder for path in paths for folder in path.parents}


def _is_pattern(entry: str | os.PathLike[str]) -> bool:
    return glob.has_magic(str(entry)) and not os.path.lexists(_path(entry))
