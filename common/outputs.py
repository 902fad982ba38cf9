"""Where results go: paths as users type them, and what to do when a file cannot be written."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.common.errors import OutputError

REMEDIES = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room in your quota",
    errno.EACCES: "choose a place that you may write to",
    errno.EPERM: "choose a place that you may write to",
    errno.EROFS: "choose a place that can be written to",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOTDIR: "a file stands where a folder is needed; choose another place",
    errno.EEXIST: "a file stands where a folder is needed; choose another place",
    errno.EISDIR: "a folder stands where a file is needed; choose another name",
}


def output_path(given: str | Path) -> Path:
    """Return the path of a result, `~` expanded; OutputError for what cannot be a path."""
    if not isinstance(given, str | Path):
        raise OutputError(f"{given!r} given; expected a path")
    if "\0" in str(given) or not str(given).strip():
        raise OutputError(f"{str(given)!r} given; expected a path, without NUL characters")
    try:
        return Path(given).expanduser()
    except RuntimeError as error:  # a user that does not exist
        raise OutputError(f"{given}: {error}; write the folder out") from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says while `path` is written into an OutputError with a remedy."""
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "choose another place")
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}); {remedy}") from error
