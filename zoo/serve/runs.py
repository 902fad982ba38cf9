"""The trainings below one folder, as their own files tell them: read alone, and nothing that lies elsewhere."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.common.errors import ZooError
from zoo.common.files.names import as_utf8
from zoo.common.tables import plain
from zoo.serve.refusals import RefusedError, without_places
from zoo.serve.settings import MIB
from zoo.training.snapshots import REFERENCE, film
from zoo.training.watched import Watched, read_run

DEEPEST, MOST_FOLDERS, MOST_RUNS = 3, 2000, 200  # folders below the first; looked at; told
LARGEST_LOG, LARGEST_PICTURE = 64 * MIB, 16 * MIB
MOST_FILMS = 16  # kept, of those that are drawn here
FRESH_S = 1.0  # that the list is told again without a look
READ = ("log.jsonl", "settings.json", ".holder.json")  # what a run is told from
SNAPSHOTS, EPOCH, FILM = "snapshots", re.compile(r"epoch_(\d{4,9})\.jpg"), ".gif"


@dataclass
class Runs:
    """Finds runs below `root` by names that it gave out itself; None where none are shown."""

    root: Path | None
    _reading: threading.Lock = field(default_factory=threading.Lock)  # one thread at a time reads
    _drawing: threading.Lock = field(default_factory=threading.Lock)  # and one draws films
    _told: tuple[float, list[dict[str, Any]]] = (-FRESH_S, [])

    def listed(self) -> list[dict[str, Any]]:
        """Describe the runs in short, those that were written last first."""
        with self._reading:
            if time.monotonic() - self._told[0] >= FRESH_S:
                self._told = time.monotonic(), list(self._read_all())
            return self._told[1]

    def described(self, name: str) -> dict[str, Any]:
        """Describe one run: its state, the curves of all scores, and of which cases there are pictures."""
        with self._reading:
            folder = self._find(name)
            run = read_run(folder)
        scores = [_scores(record) for record in run.records]
        told = {
            **_short(name, run),
            "epochs_done": [int(record["epoch"]) for record in run.records],
            "losses": {"training": run.losses, "validation": run.unseen},
            "scores": {key: [each.get(key) for each in scores] for key in sorted({k for each in scores for k in each})},
            "test": run.test,
            "cases": [self._case(case) for case in self._cases(folder)],
        }
        return dict(plain(told))

    def picture(self, name: str, case: str, file: str) -> bytes:
        """Return a picture of a case: of an epoch, or its reference."""
        place = self._case_of(name, case) / file
        if not (file == REFERENCE or EPOCH.fullmatch(file)) or not self._is_inside(place, LARGEST_PICTURE):
            raise RefusedError(404, "no such picture")
        return place.read_bytes()

    def film(self, name: str, case: str, room: Path) -> bytes:
        """Return the film of a case; `room` is where one is made as long as the run has made none."""
        folder = self._case_of(name, case)
        pictures = self._pictures(folder)
        made = folder.with_name(folder.name + FILM)
        if self._is_inside(made, LARGEST_PICTURE) and made.stat().st_mtime >= pictures[-1].stat().st_mtime:
            return made.read_bytes()
        stamp = f"{name}/{case}/{len(pictures)}/{pictures[-1].stat().st_mtime_ns}"
        kept = room / f"film-{hashlib.sha256(stamp.encode()).hexdigest()}{FILM}"
        with self._drawing:
            if not kept.exists():
                for old in sorted(room.glob(f"film-*{FILM}"), key=lambda path: path.stat().st_mtime)[:-MOST_FILMS]:
                    old.unlink()
                film(folder, kept)
            return kept.read_bytes()

    def _read_all(self) -> Iterator[dict[str, Any]]:
        folders = sorted(self._folders(), key=lambda folder: -_written(folder))
        for folder in folders[:MOST_RUNS]:
            try:
                yield dict(plain(_short(self._name(folder), read_run(folder))))
            except (ZooError, OSError):  # deleted meanwhile
                continue

    def _folders(self) -> Iterator[Path]:
        """Walk through the folders that hold a run, following no link out."""
        if self.root is None:
            return
        seen, waiting = 0, [(self.root.resolve(), 0)]
        while waiting and seen < MOST_FOLDERS:
            folder, depth = waiting.pop()
            seen += 1
            if (folder / READ[0]).is_file() or (folder / READ[1]).is_file():
                if self._may_read(folder):
                    yield folder
            elif depth < DEEPEST:
                waiting += [(below, depth + 1) for below in _below(folder)]

    def _may_read(self, folder: Path) -> bool:
        """Whether all that a run is told from lies in it, is a file, and is not too large."""
        return all(not (folder / name).exists() or self._is_inside(folder / name, LARGEST_LOG) for name in READ)

    def _is_inside(self, path: Path, most: int) -> bool:
        try:
            found = path.resolve(strict=True)
            is_below = self.root is not None and found.is_relative_to(self.root.resolve())
            told = found.stat()
        except (OSError, RuntimeError, ValueError):
            return False
        return is_below and stat.S_ISREG(told.st_mode) and told.st_size <= most

    def _name(self, folder: Path) -> str:
        """Name a folder by its way from the first one; that one itself by its own name."""
        way = folder.relative_to(self.root.resolve() if self.root is not None else folder)
        return as_utf8(way.as_posix() if way.parts else folder.name)

    def _find(self, name: str) -> Path:
        if self.root is None:
            raise RefusedError(404, "no runs are shown here; `zoo serve --runs DIR` shows those below DIR")
        for folder in self._folders():
            if self._name(folder) == name:
                return folder
        raise RefusedError(404, "no such run")

    def _cases(self, folder: Path) -> list[Path]:
        place = folder / SNAPSHOTS
        return sorted(case for case in _below(place) if self._pictures(case)) if place.is_dir() else []

    def _case_of(self, name: str, case: str) -> Path:
        for folder in self._cases(self._find(name)):
            if as_utf8(folder.name) == case:
                return folder
        raise RefusedError(404, "no such case")

    def _pictures(self, case: Path) -> list[Path]:
        found = [path for path in case.iterdir() if EPOCH.fullmatch(path.name)]
        return sorted(path for path in found if self._is_inside(path, LARGEST_PICTURE))

    def _case(self, case: Path) -> dict[str, Any]:
        return {
            "name": as_utf8(case.name),
            "files": [path.name for path in self._pictures(case)],
            "reference": self._is_inside(case / REFERENCE, LARGEST_PICTURE),
        }


def _short(name: str, run: Watched) -> dict[str, Any]:
    told = run.to_dict()
    kept = ("state", "framework", "epoch", "epochs", "seconds_left", "monitor", "best")
    reason = without_places(run.reason)
    return {"run": name, "model": run.name, **{key: told[key] for key in kept}, "reason": reason}


def _scores(record: dict[str, Any]) -> dict[str, float]:
    found = record.get("validation")
    return {str(k): float(v) for k, v in found.items() if type(v) in (int, float)} if isinstance(found, dict) else {}


def _written(folder: Path) -> float:
    try:
        return max((folder / name).stat().st_mtime for name in READ[:2] if (folder / name).exists())
    except (OSError, ValueError):
        return 0.0


def _below(folder: Path) -> list[Path]:
    """List the folders in a folder; no links, and nothing hidden."""
    try:
        with os.scandir(folder) as entries:
            found = [e for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")]
    except OSError:
        return []
    return sorted(folder / entry.name for entry in found)
