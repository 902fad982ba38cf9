"""Fetches one file from a model hub into a local store; a file that fails its sum never gets its final name."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from zoo.common.errors import CheckpointError

LIBRARY = "openmedia-zoo"  # how the hub's statistics name us
STAGING = ".staging"
PAUSES_S = (
    0.0,
    1.0,
    3.0,
)  # before each of the three tries; the hub client itself also waits and resumes after broken connections
LOCK_WAIT_S = 900.0  # then go on without the lock: it saves traffic, the result is right without it
ORPHAN_AGE_S = 24 * 3600.0  # a staging folder of another machine is left alone for this long
Check: TypeAlias = Callable[[Path], object]
LOCAL_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EFBIG}


@dataclass(frozen=True)
class Wanted:
    """A file of a hub repository; sum and size are None where nobody has registered them."""

    repository: str
    file: str
    sha256: str | None
    size: int | None  # bytes


def hash_file(path: Path) -> str:
    """Compute the SHA-256 of a file in constant memory."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def difference(path: Path, wanted: Wanted) -> str | None:
    """Say how a file differs from the wanted one; None when size and sum are right."""
    try:
        size = path.stat().st_size
        if wanted.size is not None and size != wanted.size:
            return f"found {size} bytes, sha256 {hash_file(path)}"
        found = hash_file(path) if wanted.sha256 is not None else None
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None if found == wanted.sha256 else f"found {size} bytes, sha256 {found}"


def address(wanted: Wanted, endpoint: str | None) -> str:
    """Compose the URL a person can open."""
    from huggingface_hub import hf_hub_url

    return hf_hub_url(wanted.repository, wanted.file, endpoint=endpoint)


def fetch(
    wanted: Wanted, store: Path, place: Callable[[str], Path], endpoint: str | None, check: Check = lambda path: None
) -> Path:
    """Download a file and return its final path, `place(sha256)`, somewhere under `store`.

    check: raises CheckpointError when the content cannot be used; runs before the file gets its final name.

    Every process downloads into its own staging folder, checks, and renames, so concurrent, killed and failed runs
    cannot harm each other. Raises CheckpointError after at most three tries.
    """
    with _local_trouble_explained(store):
        for folder in (store / STAGING, store / ".locks"):
            folder.mkdir(parents=True, exist_ok=True)
        remove_orphans(store / STAGING)
        with _lock(store / ".locks" / f"{_short_name(wanted)}.lock"):
            final = place(wanted.sha256) if wanted.sha256 is not None else None
            if final is not None and final.is_file() and difference(final, wanted) is None:
                return final  # another process was faster
            return _fetch(wanted, store, place, endpoint, check)


def _fetch(wanted: Wanted, store: Path, place: Callable[[str], Path], endpoint: str | None, check: Check) -> Path:
    problems: list[str] = []
    for pause_s in PAUSES_S:
        time.sleep(pause_s)
        with _staging(store / STAGING) as folder:
            problem, path = _try(wanted, folder, endpoint, check)
            if path is not None:
                return _publish(path, place(wanted.sha256 or hash_file(path)))
            problems.append(problem)
    tries = "\n".join(f"  try {number}: {problem}" for number, problem in enumerate(problems, 1))
    raise CheckpointError(f"  expected: {_expectation(wanted)}\n{tries}")


def _try(wanted: Wanted, folder: Path, endpoint: str | None, check: Check) -> tuple[str, Path | None]:
    """Download once; return the problem when another try may help, raise CheckpointError when it will not."""
    try:
        told = ask(wanted, endpoint)
        if problem := _contradiction(told, wanted):
            return problem, None
        wanted = Wanted(wanted.repository, wanted.file, wanted.sha256 or told.sha256, wanted.size or told.size)
        path = _download(wanted, folder, endpoint)
        if problem := difference(path, wanted):
            return problem, None
        check(path)
    except CheckpointError as error:
        return str(error), None
    except Exception as error:  # the client passes on what its HTTP library raises, which differs between its versions
        if isinstance(error, OSError) and error.errno in LOCAL_TROUBLE:
            raise
        if not _may_pass(error):
            raise CheckpointError(f"  the hub could not deliver it: {first_line(error)}") from error
        return first_line(error), None
    return "", path


def ask(wanted: Wanted, endpoint: str | None) -> Wanted:
    """Ask the hub for the size and the SHA-256 of a file; each is None where the hub does not tell.

    One quick request, so that a dead network shows at once: the client itself would try for half a minute.
    """
    from huggingface_hub import get_hf_file_metadata

    told = get_hf_file_metadata(address(wanted, endpoint), library_name=LIBRARY)
    if told.commit_hash is None:
        raise ValueError("the address does not answer like a model hub (a login page? HF_ENDPOINT?)")
    sum_told = told.etag is not None and len(told.etag) == 64  # of large files; small ones have a git sum of 40 digits
    return Wanted(wanted.repository, wanted.file, told.etag if sum_told else None, told.size)


def _contradiction(told: Wanted, wanted: Wanted) -> str | None:
    size_differs = None not in (told.size, wanted.size) and told.size != wanted.size
    sum_differs = None not in (told.sha256, wanted.sha256) and told.sha256 != wanted.sha256
    return f"the hub announces another file: {_expectation(told)}" if size_differs or sum_differs else None


def _download(wanted: Wanted, folder: Path, endpoint: str | None) -> Path:
    from huggingface_hub import hf_hub_download

    free = shutil.disk_usage(folder).free
    if wanted.size is not None and free < wanted.size:
        raise OSError(errno.ENOSPC, f"{wanted.size} bytes needed, {free} free")
    # Both folders are private: the client checks its shared cache by length only and would return a rotten file again.
    path = hf_hub_download(
        wanted.repository,
        wanted.file,
        local_dir=folder / "file",
        cache_dir=folder / "cache",
        endpoint=endpoint,
        library_name=LIBRARY,
        tqdm_class=_bounded_bar(wanted.size),
    )
    return Path(path)


def _bounded_bar(size: int | None) -> type:
    """Make a progress bar that also stops a transfer which announces or sends more than the registered size."""
    from huggingface_hub.utils import tqdm

    class BoundedBar(tqdm):
        received = 0
        monitor_interval = 0  # each class would start a thread that watches its bars, and none of them would ever end

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            total = options.get("total")
            if None not in (size, total) and total != size:
                raise CheckpointError(f"the server announced {total} bytes")

        def update(self, n: float | None = 1) -> bool | None:
            self.received += max(int(n or 0), 0)
            if size is not None and self.received > 3 * size:  # a server that always cuts would be asked for ever
                raise CheckpointError(f"the server sent {self.received} bytes in pieces that never made the whole")
            shown: bool | None = super().update(n)
            return shown

    return BoundedBar


def _publish(path: Path, final: Path) -> Path:
    final.parent.mkdir(parents=True, exist_ok=True)
    _flush(path)
    os.replace(path, final)
    _flush(final.parent)
    return final


def _flush(path: Path) -> None:
    """Force a file or folder to the disk, so that the name never outlives a power cut without the content."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open folders
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    mine = folder / f"{socket.gethostname()}~{os.getpid()}~{_start_time(os.getpid())}~{uuid.uuid4().hex[:8]}"
    mine.mkdir()
    try:
        yield mine
    finally:
        shutil.rmtree(mine, ignore_errors=True)


def remove_orphans(folder: Path) -> None:
    """Remove the staging folders that killed processes left behind."""
    for orphan in folder.iterdir() if folder.is_dir() else ():
        host, pid, started, _ = (*orphan.name.split("~"), "", "", "")[:4]
        try:
            old = time.time() - orphan.stat().st_mtime > ORPHAN_AGE_S
        except FileNotFoundError:
            continue  # another process removed it
        here = host == socket.gethostname() and pid.isdigit() and sys.platform.startswith("linux")
        if old or (here and _start_time(int(pid)) != started):
            shutil.rmtree(orphan, ignore_errors=True)


def _start_time(pid: int) -> str:
    """Read when a process started, which tells it from a later one of the same number; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process at a time fetch a file, where the file system can lock."""
    from filelock import FileLock, Timeout

    with ExitStack() as stack:
        # The lock only saves traffic: without it every process fetches for itself, with the same result.
        with suppress(Timeout, NotImplementedError, OSError):
            stack.enter_context(FileLock(path).acquire(timeout=LOCK_WAIT_S, poll_interval=0.1))
        yield


@contextmanager
def _local_trouble_explained(store: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"  the folder {store} cannot take it: {error.strerror or error}\n"
            "  remedy: make room or rights there, or set ZOO_HOME to a folder with both"
        ) from error


def _may_pass(error: Exception) -> bool:
    """Tell whether another try may help: trouble of server or network, not a wrong address or a missing right."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status >= 500 if isinstance(status, int) else not isinstance(error, ValueError | TypeError)


def _expectation(wanted: Wanted) -> str:
    return f"{wanted.size if wanted.size is not None else 'any number of'} bytes, sha256 {wanted.sha256 or 'not known'}"


def _short_name(wanted: Wanted) -> str:
    return hashlib.sha256(f"{wanted.repository}/{wanted.file}/{wanted.sha256}".encode()).hexdigest()[:24]


def first_line(error: Exception) -> str:
    """Shorten the client's page-long errors."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no details'}"[:240]
