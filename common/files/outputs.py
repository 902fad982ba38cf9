"""Files that results go to: whole or not at all, never onto an input, never through a link."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.common.errors import OutputError, ZooError
from zoo.common.files.names import as_utf8
from zoo.common.tables import plain

STAGED = ".zoo-staged-"  # start of the folder beside a file in which it is written before it takes its place
REMEDIES = {
    errno.ENOSPC: "Free some space, or write elsewhere",
    errno.EDQUOT: "Free some space, or write elsewhere",
    errno.EFBIG: "Write elsewhere",
    errno.EROFS: "Write elsewhere",
    errno.EACCES: "Write elsewhere, or ask for the right to write there",
    errno.EPERM: "Write elsewhere, or ask for the right to write there",
    errno.ENOTDIR: "A file stands where a folder is needed; give another name",
    errno.EEXIST: "A file stands where a folder is needed; give another name",
    errno.EISDIR: "A folder stands where the file should go; give another name",
    errno.ENAMETOOLONG: "Give a shorter name",
}


def user_path(given: str | os.PathLike[str]) -> Path:
    """Return a path as its user means it, `~` as the home folder; OutputError where it is empty or none at all."""
    text = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(text, str):
        raise OutputError(
            f"{given!r:.200} given as a path; expected the name of a file or folder, as text or pathlib.Path"
        )
    if not text or "\0" in text:
        raise OutputError(f"{'an empty' if not text else 'no real'} path given; expected the name of a file or folder")
    return Path(os.path.expanduser(text))


def is_there(path: Path) -> bool:
    """Whether something lies at a path; no for one that is too long for the system, which `Path.exists` answers raw."""
    return os.path.exists(path)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system says against writing into an OutputError that names the path and a remedy."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = REMEDIES.get(error.errno or 0, "Write elsewhere")
        raise OutputError(f"{_final(path)}: cannot be written ({reason}). {remedy}") from error


def write_whole(path: Path, write: Callable[[Path], object], inputs: Sequence[Path] = ()) -> Path:
    """Let `write` fill a file beside `path`, then put it there in one step; return where.

    A link at `path` is replaced, not followed. Companions that `write` adds, such as the .raw of an .mhd, move along.
    Within another call it writes at once: that call gives the file its place.
    inputs: files that must not be touched; OutputError where `path` is one of them.
    """
    _refuse_inputs(path, inputs)
    with explained(path):
        if path.parent.name.startswith(STAGED):  # nobody sees it there before another call puts it in its place
            write(path)
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder has this name")
        staging = Path(tempfile.mkdtemp(prefix=STAGED, dir=path.parent))
        try:
            with _named(staging, path):
                made = _made(write, path, staging)
            companions = [file for file in sorted(staging.iterdir()) if file != made]
            for companion in companions:
                _refuse_inputs(path.with_name(companion.name), inputs)
                os.replace(companion, path.with_name(companion.name))
            os.replace(made, path)  # last, because it may refer to the others
        finally:
            _remove(staging)
    return path


def _remove(staging: Path) -> None:
    """Remove a folder that is empty, unless something failed; looking through it would take longer than writing."""
    try:
        os.rmdir(staging)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _named(staging: Path, path: Path) -> Iterator[None]:
    """Let errors name the file that was asked for instead of the one in which it is staged."""
    try:
        yield
    except ZooError as error:
        staged = str(staging / path.name)
        error.args = tuple(text.replace(staged, str(path)) if isinstance(text, str) else text for text in error.args)
        raise


def _made(write: Callable[[Path], object], path: Path, staging: Path) -> Path:
    """Let `write` make the file in the folder `staging`; return it.

    Writers in C++ take names of UTF-8 only: they get such a name, in the system's own folder if need be.
    """
    name = path.name if as_utf8(path.name) == path.name else f"result{''.join(path.suffixes[-2:])}"
    if as_utf8(str(staging)) == str(staging):
        write(staging / name)
        return staging / name
    with tempfile.TemporaryDirectory() as elsewhere:
        write(Path(elsewhere) / name)
        shutil.copytree(elsewhere, staging, dirs_exist_ok=True)
    return staging / name


def _final(path: Path) -> Path:
    """Return where a staged file is meant to go."""
    while path.parent.name.startswith(STAGED):
        path = path.parent.with_name(path.name)
    return path


def write_text(path: Path, text: str, inputs: Sequence[Path] = ()) -> Path:
    """Write text as UTF-8, whole or not at all."""
    return write_whole(path, lambda staged: staged.write_text(text, encoding="utf-8"), inputs)


def json_text(value: Any) -> str:
    """Return an indented JSON document; NaN becomes null."""
    return json.dumps(plain(value), indent=2, allow_nan=False) + "\n"


def _refuse_inputs(path: Path, inputs: Sequence[Path]) -> None:
    for given in inputs:
        try:
            is_same = path.exists() and given.exists() and path.samefile(given)
        except OSError:
            is_same = False
        if is_same or os.path.realpath(path) == os.path.realpath(given):
            raise OutputError(f"{path}: is the image that was read; a result never replaces it. Give another name")
