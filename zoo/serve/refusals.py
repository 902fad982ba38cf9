"""What a client is told when there is no answer: a status, the reason, what to do; never a place on the server."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from zoo.common.errors import (
    BackendError,
    CheckpointError,
    ConfigError,
    InputError,
    NotCachedError,
    OutputError,
    RegistryError,
    UnexpectedError,
    ZooError,
)
from zoo.common.files.names import printable

STATUS: Mapping[type[ZooError], int] = {
    RegistryError: 404,
    NotCachedError: 503,
    CheckpointError: 503,
    BackendError: 422,
    ConfigError: 422,
    InputError: 422,
    OutputError: 507,
    UnexpectedError: 500,
}
PLACE = re.compile(r"(?<![\w.:/])(?:/[^\s/'\"(),;:]+){2,}/?|\b[A-Za-z]:\\[^\s'\"(),;]+")  # a path of this machine
LONGEST = 2000  # characters of a reason


class RefusedError(ZooError):
    """A request that is refused before or instead of being answered."""

    def __init__(self, status: int, reason: str, retry_after_s: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.retry_after_s = status, retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says beside the reason."""
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}


def status_of(error: ZooError) -> int:
    """Return the HTTP status that an error is told with."""
    if isinstance(error, RefusedError):
        return error.status
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)


def told(error: ZooError, folder: Path | None = None) -> dict[str, str]:
    """Return what a client is told of an error; of one that nobody foresaw, only that there was one.

    folder: where the client's files lie; names in it are told from there.
    """
    if status_of(error) == 500:
        report(error)
        return {"kind": "UnexpectedError", "detail": "the server failed at this image; its log says more"}
    return {"kind": type(error).__name__, "detail": without_places(str(error), folder)[:LONGEST]}


def without_places(text: str, folder: Path | None = None) -> str:
    """Return a text without paths of this machine."""
    if folder is not None:
        text = text.replace(f"{folder}/", "").replace(str(folder), "the upload")
    return "\n".join(printable(PLACE.sub("(a place on the server)", line)) for line in text.split("\n"))


def report(error: BaseException) -> None:
    """Print an error that nobody foresaw on stderr, with its traceback."""
    cause = error.__cause__ or error
    print("".join(traceback.format_exception(cause)).rstrip(), file=sys.stderr, flush=True)
