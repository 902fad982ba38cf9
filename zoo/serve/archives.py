"""Files out of an archive of unknown origin: no path leaves its folder, nothing grows beyond its bounds."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from zoo.common.errors import InputError
from zoo.common.files.names import as_file_name, printable, shortened
from zoo.common.io import SUFFIXES, file_suffix
from zoo.serve.refusals import RefusedError
from zoo.serve.settings import MIB, Bounds

MARKS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")  # how archives begin
DEEPEST = 16  # folders in folders
CHUNK = MIB
CLUTTER = ("__MACOSX", ".DS_Store", "Thumbs.db")


def is_archive(path: Path) -> bool:
    """Tell a zip by its first bytes."""
    with path.open("rb") as file:
        return file.read(4) in MARKS


def unpack(
    archive: Path,
    folder: Path,
    bounds: Bounds,
    check: Callable[[], object] = lambda: None,
    take: Callable[[int], object] = lambda size: None,
) -> list[Path]:
    """Write the files of a zip into a new folder and return them.

    check: is called now and then, and may raise. take: hears how much room a file will need, and may raise.

    Refused as a whole are paths that lead out of the folder, links, passwords, and more or larger files than allowed.
    """
    name = printable(archive.name)
    try:
        with zipfile.ZipFile(archive) as packed:
            wanted = _wanted(packed.infolist(), bounds, name)
            left, written = bounds.unpacked_bytes, list[Path]()
            for info, parts in wanted:
                take(info.file_size)
                path = folder.joinpath(*parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                left -= _write(packed, info, path, left, check)
                written.append(path)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError) as error:
        raise InputError(f"{name}: cannot be unpacked ({printable(str(error))[:120]}); expected a whole zip") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise InputError(f"{name}: holds a name twice; expected each file once") from error
    return written


def safe_name(name: str) -> str:
    """Return a name that the server's file system can hold, with its suffix, by which readers are chosen."""
    suffix = file_suffix(Path(name))
    return as_file_name(name[: -len(suffix)], suffix) if suffix in SUFFIXES and suffix else as_file_name(name)


def _wanted(infos: list[zipfile.ZipInfo], bounds: Bounds, name: str) -> list[tuple[zipfile.ZipInfo, tuple[str, ...]]]:
    """Return what is to be unpacked and where; everything is checked before the first byte is written."""
    if len(infos) > 2 * bounds.files:  # folders and clutter included
        raise RefusedError(413, f"{name}: {len(infos):,} entries given; expected at most {bounds.files:,} files")
    placed = [(info, _parts(info, name)) for info in infos if not info.is_dir()]
    files = [(info, parts) for info, parts in placed if not set(parts) & set(CLUTTER)]
    if len(files) > bounds.files:
        raise RefusedError(413, f"{name}: {len(files):,} files given; expected at most {bounds.files:,}")
    if not files:
        raise InputError(f"{name}: holds no file; expected the slices of a series, or an image")
    total = sum(info.file_size for info, _ in files)
    if total > bounds.unpacked_bytes:
        raise RefusedError(413, f"{name}: unpacks to {total:,} bytes; expected at most {bounds.unpacked_bytes:,}")
    return files


def _parts(info: zipfile.ZipInfo, name: str) -> tuple[str, ...]:
    """Return the folders and the file name of an entry; InputError for one that no archive of images has."""
    shown = shortened(printable(info.filename), 80)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise InputError(f"{name}: {shown} is a link or a device; expected plain files")
    if info.flag_bits & 1:
        raise InputError(f"{name}: {shown} needs a password; expected an archive without")
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in info.filename or not path.parts:
        raise InputError(f"{name}: {shown} leads out of the archive; expected names of files in it")
    if len(path.parts) > DEEPEST:
        raise InputError(f"{name}: {shown} lies {len(path.parts)} folders deep; expected at most {DEEPEST}")
    return tuple(safe_name(part) for part in path.parts)


def _write(packed: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, left: int, check: Callable[[], object]) -> int:
    """Write one file and return its size, whatever its header says of that."""
    size = 0
    with packed.open(info) as source, path.open("xb") as target:
        while chunk := source.read(CHUNK):
            check()
            size += len(chunk)
            if size > left:
                raise RefusedError(413, f"{printable(info.filename)[:80]}: unpacks to more than is allowed")
            target.write(chunk)
    return size
