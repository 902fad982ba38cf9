"""Files as images: pictures, NumPy arrays and medical formats, or an InputError that says what is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from zoo.common.errors import InputError
from zoo.common.files.outputs import is_there
from zoo.common.io import dicom, pictures
from zoo.common.io.dicom_series import read_series, read_slices
from zoo.common.io.images import as_image, checked_image
from zoo.common.io.metaimage import read_metaimage
from zoo.common.io.nifti import read_nifti
from zoo.common.io.nrrd import read_nrrd
from zoo.common.types import Image

__all__ = ["SUFFIXES", "as_image", "file_suffix", "read_image", "read_volume"]
T = TypeVar("T")


def read_image(path: str | Path, spacing_mm: tuple[float, ...] | None = None) -> Image:
    """Read one file as (c, h, w), or a volume as (c, d, h, w), with the intensities stored in it.

    path: a file, or a folder that holds one DICOM series. DICOM is recognised by content, everything else by suffix.
    spacing_mm: overrides the file's own.
    """
    path = Path(path)
    return read_with(path, READERS, lambda image: _finished(image, path, spacing_mm))


def read_volume(files: Sequence[Path], name: str, spacing_mm: tuple[float, ...] | None = None) -> Image:
    """Read the slices of one DICOM series, wherever they lie, as one volume (1, d, h, w) that is called `name`.

    spacing_mm: overrides that of the files.
    """

    def read(_: Path) -> Image:
        return read_slices(files, Path(name).name)

    folder = files[0].parent
    return read_with(folder, {"": read}, lambda image: replace(_finished(image, folder, spacing_mm), name=name))


def read_with(path: Path, readers: Mapping[str, Callable[[Path], T]], finish: Callable[[T], T]) -> T:
    """Read by the reader of the file's format; InputError names the file, whatever went wrong."""
    reader = _reader(path, readers)
    try:
        return finish(reader(path))
    except InputError as error:  # readers know the file's name only
        inner = str(error) if str(error).startswith(path.name) else f"{path.name}: {error}"
        raise InputError(inner.replace(path.name, str(path), 1)) from error
    except MemoryError as error:
        raise InputError(f"{path}: does not fit into memory; expected a smaller image") from error
    except Exception as error:  # third-party parsers raise nearly every type on damaged files
        reason = " ".join(str(error).split())[-200:] or type(error).__name__
        raise InputError(
            f"{path}: {path.stat().st_size:,} bytes that cannot be read as {file_suffix(path) or 'DICOM'} ({reason}); "
            "expected a complete file of that format. Copy or export it again."
        ) from error


def _finished(image: Image, path: Path, spacing_mm: tuple[float, ...] | None) -> Image:
    spacing = image.spacing_mm if spacing_mm is None else spacing_mm
    named = replace(image, spacing_mm=spacing, name=path.name, files=image.files or (path,))
    return checked_image(named, is_ours=True)


def file_suffix(path: Path) -> str:
    """Return the suffix in lower case, `.nii.gz` as one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def _reader(path: Path, readers: Mapping[str, Callable[[Path], T]]) -> Callable[[Path], T]:
    if os.path.islink(path) and not is_there(path):
        raise InputError(
            f"{path}: a link to {os.readlink(path)}, which is not there; expected an image. Fetch it first, "
            "for example with git annex get, or remove the link"
        )
    if not is_there(path):
        raise InputError(f"{path}: no such file; expected an image ({', '.join(SUFFIXES)})")
    if path.is_dir():
        return readers[""]
    if path.stat().st_size == 0:
        raise InputError(f"{path}: 0 bytes given; expected an image. Copy or download it again.")
    reader = readers.get(file_suffix(path) or "?")
    if reader is None and dicom.is_dicom(path):
        reader = readers[".dcm"]
    if reader is None:
        raise InputError(f"{path}: suffix {file_suffix(path)!r} given; expected one of {', '.join(SUFFIXES)}")
    return reader


def stored_array(path: Path) -> np.ndarray:
    """Map the array of an .npy file."""
    try:
        # mapped, so that a header that claims more than the file holds is refused without allocating
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        if "Python objects" in str(error) or "allow_pickle" in str(error):
            raise InputError(
                f"{path.name}: holds pickled Python objects or no array at all; expected numbers "
                "written by np.save. Objects are never unpickled."
            ) from error
        raise


def _read_array(path: Path) -> Image:
    return as_image(stored_array(path), name=path.name)


READERS: dict[str, Callable[[Path], Image]] = {
    **dict.fromkeys(pictures.SUFFIXES, pictures.read_picture),
    ".npy": _read_array,
    **dict.fromkeys((".nii", ".nii.gz"), read_nifti),
    **dict.fromkeys((".mha", ".mhd"), read_metaimage),
    ".nrrd": read_nrrd,
    **dict.fromkeys((".dcm", ".dicom", ".ima"), dicom.read_dicom),
}
SUFFIXES = tuple(READERS)
READERS[""] = read_series  # of a folder
