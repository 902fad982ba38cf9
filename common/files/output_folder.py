"""A folder of results: what its runs wrote is listed in it, and nothing else in it is ever overwritten."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.common.errors import OutputError
from zoo.common.files.outputs import STAGED, explained, json_text, user_path, write_whole
from zoo.common.tables import plain

MANIFEST = ".zoo-written.jsonl"  # a line per written file: path, and the SHA-256 of its content
RUN = ("settings.json", "log.jsonl")  # what the folder of every training holds
GROWING = "growing"  # in place of the SHA-256 of a file to which lines are still appended


class OutputFolder:
    """A folder for the results of one run.

    own: names or patterns in the folder that this run may write. What stands there already and was written by an
    earlier run, unchanged since, is removed when `overwrite` says so; anything else is an OutputError before any work.
    inputs: what the run reads, and therefore never removes. resume: leave what an earlier run wrote where it is, in
    `earlier`, for this one to go on; `keep_only` removes the rest.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        own: Sequence[str],
        *,
        overwrite: bool = False,
        inputs: Iterable[Path] = (),
        resume: bool = False,
    ) -> None:
        self.folder = user_path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(f"{self.folder}: is a file; expected a folder for the results. Give another name")
        earlier = self._earlier(own)
        self.earlier = {path.relative_to(self.folder).as_posix() for path in earlier} if resume else set[str]()
        if earlier and not overwrite and not resume:
            raise OutputError(
                f"{self.folder}: holds {len(earlier)} files of an earlier run, such as {earlier[0].name}; give another "
                "folder, replace them with overwrite=True (--overwrite), or go on with skip_existing=True "
                "(--skip-existing) where the command has it"
            )
        read = {os.path.realpath(path) for path in inputs} if earlier else set()
        if needed := [path for path in earlier if os.path.realpath(path) in read]:
            raise OutputError(f"{needed[0]}: is to be read, and would be replaced. Give another folder for the results")
        with explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in earlier if not resume else ():
                path.unlink()
            self.manifest = Lines(self.folder / MANIFEST)

    def write(self, name: str, write: Callable[[Path], object]) -> Path:
        """Let `write` make the file `name`, whole or not at all; return where."""

        def listed(staged: Path) -> None:
            write(staged)
            self._list(name, sha256_of(staged))

        return write_whole(self._free(name), listed)

    def write_json(self, name: str, value: Any) -> Path:
        """Write a JSON document."""
        text = json_text(value)
        return self.write(name, lambda staged: staged.write_text(text, encoding="utf-8"))

    def open_lines(self, name: str) -> Lines:
        """Open a file of JSON lines that grows while the run goes on."""
        path = self._free(name)
        self._list(name, GROWING)
        return Lines(path)

    def rewrite_lines(self, name: str, entries: Iterable[Any]) -> Lines:
        """Replace a file of lines by some entries in one step, and open it to grow on."""
        text = "".join(json.dumps(plain(entry), allow_nan=False) + "\n" for entry in entries)
        self._list(name, GROWING)
        path = write_whole(self.folder / name, lambda staged: staged.write_text(text, encoding="utf-8"))
        return Lines(path)

    def keep_only(self, names: Container[str]) -> None:
        """Remove what an earlier run left behind, but for the files of these names."""
        with explained(self.folder):
            for name in sorted(self.earlier):
                if name not in names:
                    (self.folder / name).unlink(missing_ok=True)
            for staged in [*self.folder.glob(f"{STAGED}*"), *self.folder.glob(f"**/{STAGED}*")]:
                shutil.rmtree(staged, ignore_errors=True)  # what a killed run did not finish

    def close_lines(self, lines: Lines) -> None:
        """Close such a file; from now on a change of it is noticed."""
        lines.close()
        self._list(lines.path.relative_to(self.folder).as_posix(), sha256_of(lines.path))

    def close(self) -> None:
        """Write nothing more."""
        self.manifest.close()

    def _free(self, name: str) -> Path:
        path = self.folder / name
        if os.path.lexists(path):
            raise OutputError(f"{path}: appeared while the run went on; it is not overwritten. Give another folder")
        return path

    def _list(self, name: str, digest: str) -> None:
        self.manifest.add({"path": name, "sha256": digest})

    def _earlier(self, own: Sequence[str]) -> list[Path]:
        """List what earlier runs left under the names of this one; OutputError for what they did not write."""
        known = read_manifest(self.folder)
        found = [path for pattern in own for path in _files(self.folder, pattern)]
        for path in found:
            digests = known.get(path.relative_to(self.folder).as_posix(), [])
            is_ours = bool(digests) and not path.is_symlink() and path.is_file()
            if not is_ours or not (digests[-1] == GROWING or sha256_of(path) in digests):
                why = "was changed after a run wrote it" if digests else "was not written by a run of the zoo"
                raise OutputError(f"{path}: {why}; it is not overwritten. Give another folder for the results")
        return found


class Lines:
    """A file of JSON lines; each is handed to the system before the next one comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with explained(path):
            self.file = path.open("ab", buffering=0)

    def add(self, entry: Any) -> None:
        """Append one line; where that fails half-way, the half is taken back."""
        rest = (json.dumps(plain(entry), allow_nan=False) + "\n").encode()
        with explained(self.path):
            start = os.fstat(self.file.fileno()).st_size
            try:
                while rest:
                    rest = rest[self.file.write(rest) :]
            except OSError:
                os.truncate(self.path, start)
                raise

    def close(self) -> None:
        """Write nothing more."""
        self.file.close()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a file of lines, without a last line that was cut off; none where there is no file."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    out = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            out.append(entry)
    return out


def read_manifest(folder: Path) -> dict[str, list[str]]:
    """Return what runs wrote into a folder, path -> SHA-256 of each content; empty where no run wrote."""
    try:
        lines = (folder / MANIFEST).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    known: dict[str, list[str]] = {}
    for line in lines:
        try:
            entry = json.loads(line)
            known.setdefault(str(entry["path"]), []).append(str(entry["sha256"]))
        except (ValueError, TypeError, KeyError):  # the last line of a run that was killed
            continue
    return known


def is_run(folder: Path) -> bool:
    """Say whether a folder is that of a training, whose pictures are curves and answers, and no data."""
    return all((folder / name).is_file() for name in RUN)


def written_files(folder: Path) -> set[Path]:
    """Return the files in a folder that runs wrote, as paths below it."""
    return {folder / name for name in read_manifest(folder)}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    """List the files, and links, under a name or pattern; those of a folder with all of its levels."""
    literal = [folder / pattern] if os.path.lexists(folder / pattern) else []
    for path in sorted(folder.glob(pattern)) if "*" in pattern else literal:
        if path.is_symlink() or not path.is_dir():
            yield path
        else:
            yield from sorted(p for p in _below(path) if not any(part.startswith(STAGED) for part in p.parts))


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        yield from (Path(place) / name for name in (*files, *links))
