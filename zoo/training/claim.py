"""One process at a time writes a run folder, and a run that is refused leaves nothing behind in it."""

from __future__ import annotations

import json
import os
import socket
import time
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from zoo.common.errors import OutputError, TrainingError, ZooWarning
from zoo.common.files.outputs import explained

LOCK, HOLDER = ".lock", ".holder.json"  # the system frees the lock of a dead process; the other file says whose it was
PARTS = ".*.part"  # what a killed process did not finish writing
BEGUN = ("settings.json", "log.jsonl", "events.out.*")  # what a run makes before its first step


class Claim:
    """A folder held for one run. Without keep(), an error takes away again what was made in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / LOCK)
        self._made: list[Path] = []  # folders, the outermost first
        self._found: set[str] = set()  # what was there before
        self._kept = False

    def keep(self) -> None:
        """Let the folder stay, whatever happens from now on."""
        self._kept = True

    def __enter__(self) -> Claim:
        with explained(self._folder):
            self._made = _make(self._folder)
            self._found = set(os.listdir(self._folder))
        try:
            self._acquire()
        except BaseException:
            self._remove_folders()
            raise
        try:
            self._take_over()
        except BaseException:
            self._give_back(refused=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back(refused=kind is not None and not self._kept)

    def _give_back(self, refused: bool) -> None:
        self._remove(HOLDER)
        if refused:
            begun = {path.name for pattern in BEGUN for path in self._folder.glob(pattern)}
            for name in begun - self._found:
                self._remove(name)
        self._lock.release()
        if refused:
            if LOCK not in self._found:
                self._remove(LOCK)
            self._remove_folders()

    def _acquire(self) -> None:
        try:
            with explained(self._folder):
                self._lock.acquire(timeout=0)
        except OutputError as error:
            if not isinstance(error.__cause__, Timeout):  # which is an OSError
                raise
            raise TrainingError(
                f"{self._folder} is in use by {self._holder()}; wait for it, or give another folder"
            ) from error.__cause__

    def _take_over(self) -> None:
        if (self._folder / HOLDER).exists():
            warnings.warn(
                f"{self._folder}: {self._holder()} ended without giving it back; this process takes over",
                ZooWarning,
                stacklevel=4,
            )
        for part in self._folder.glob(PARTS):
            self._remove(part.name)
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        with explained(self._folder):
            (self._folder / HOLDER).write_text(json.dumps(holder) + "\n", encoding="utf-8")

    def _holder(self) -> str:
        try:
            holder = json.loads((self._folder / HOLDER).read_text(encoding="utf-8"))
            return f"process {holder['pid']} on {holder['host']} (since {holder['since']})"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def _remove(self, name: str) -> None:
        with suppress(OSError):  # a folder that someone made, a file that is gone
            (self._folder / name).unlink(missing_ok=True)

    def _remove_folders(self) -> None:
        for folder in reversed(self._made):
            with suppress(OSError):  # someone else's file is in it
                folder.rmdir()


def _make(folder: Path) -> list[Path]:
    """Make a folder with its parents; return those that were not there, the outermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing
