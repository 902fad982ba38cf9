"""Where trained weights are: finds, downloads and verifies the registered files."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from zoo.common.errors import CheckpointError, NotCachedError, ZooWarning
from zoo.common.weights.in_memory import WeightFile, read_file, read_metadata, read_raw
from zoo.registry import HERE, Checkpoint, Entry, find, load_registry, read_registry
from zoo.weights.hub import STAGING, Wanted, address, difference, fetch, remove_orphans

T = TypeVar("T")
TRUE = {"1", "ON", "YES", "TRUE"}  # what the hub's client takes for yes


@dataclass(frozen=True)
class Finding:
    """What is known of one registered file at one place of this machine."""

    checkpoint: str
    path: Path
    state: str  # right, wrong or absent
    detail: str


def locate(entry: Entry, checkpoint: str | Path = "default", *, download: bool = True) -> Path:
    """Find the weight file of an algorithm; its size and SHA-256 are right, or CheckpointError is raised.

    checkpoint: "default", a registered name, or the path of a .safetensors file (whose sum nobody knows).
    Places, in order: $ZOO_CHECKPOINTS, checkpoints/ of a checkout, the user's cache, the hub.
    download=False, like HF_HUB_OFFLINE=1, raises NotCachedError instead of asking the hub.
    """
    if is_path(checkpoint):
        return _own_file(checkpoint, entry)
    registered = _registered(entry, str(checkpoint))

    def check(path: Path) -> Path | str:
        return difference(path, _wanted(entry, registered)) or path

    return _first_right(entry, registered, check) or _fetch(entry, registered, download)


def read_checkpoint(entry: Entry, checkpoint: str | Path = "default") -> tuple[Path, WeightFile]:
    """Find the weight file of an algorithm as `locate` does, and read it: the bytes that were verified, no others.

    A file that is replaced while it is loaded is either the registered one or refused.
    """
    if is_path(checkpoint):
        path = _own_file(checkpoint, entry)
        return path, read_file(path)
    registered = _registered(entry, str(checkpoint))

    def check(path: Path) -> tuple[Path, WeightFile] | str:
        return _read_right(path, registered.sha256, registered.bytes)

    found = _first_right(entry, registered, check)
    if found is not None:
        return found
    path = _fetch(entry, registered, may_download=True)
    fetched = check(path)
    if isinstance(fetched, str):
        raise CheckpointError(f"{path}: {fetched}; it was replaced after it had been fetched. Load it again")
    return fetched


def is_path(checkpoint: object) -> bool:
    """Tell a path from a registered name: it is a Path, has a folder, begins with ~, or ends in .safetensors.

    CheckpointError for what can be neither.
    """
    if not isinstance(checkpoint, (str, Path)) or not str(checkpoint).strip() or "\0" in str(checkpoint):
        raise CheckpointError(
            f"checkpoint={checkpoint!r} given; expected 'default', a name from `zoo info`, the path of a .safetensors "
            "file, or None for random weights"
        )
    text = str(checkpoint)
    return (
        isinstance(checkpoint, Path) or text.endswith(".safetensors") or text[0] == "~" or "/" in text or os.sep in text
    )


def download(name: str | None = None, checkpoint: str | None = None) -> list[Path]:
    """Bring the checkpoints of one algorithm, or of all, to this machine and return their paths."""
    entries = list(load_registry().values()) if name is None else [find(name)]
    chosen = [(entry, c) for entry in entries for c in entry.checkpoints if checkpoint in (None, c)]
    if checkpoint is not None and not chosen:
        chosen = [(entry, checkpoint) for entry in entries]  # let `locate` explain which names there are
    return [locate(entry, c) for entry, c in chosen]


def verify(entry: Entry) -> list[Finding]:
    """Check every copy on this machine of every checkpoint of an algorithm, without the network."""
    findings = []
    for registered in entry.checkpoints.values():
        found = list(_candidates(entry, registered))
        for path in found:
            problem = difference(path, _wanted(entry, registered))
            findings.append(Finding(registered.name, path, "wrong" if problem else "right", problem or ""))
        if not found:
            remedy = f"zoo download {entry.name}"
            findings.append(Finding(registered.name, cache_path(registered), "absent", remedy))
    return findings


def home() -> Path:
    """Name the folder of everything the zoo keeps for the user: $ZOO_HOME, or the system's cache folder."""
    import platformdirs

    given = os.environ.get("ZOO_HOME")
    return Path(given).expanduser() if given else platformdirs.user_cache_path("openmedia-zoo", appauthor=False)


def cache_path(checkpoint: Checkpoint) -> Path:
    """Name the file in the user's cache; the folder is the sum, so another version never stands in its place."""
    return home() / "checkpoints" / checkpoint.sha256 / Path(checkpoint.file).name


def hub_repository() -> str:
    """Name the hub repository of the trained weights: $ZOO_HUB, or the registry's."""
    return os.environ.get("ZOO_HUB") or read_registry().hub


def endpoint() -> str | None:
    """Name the hub's address as HF_ENDPOINT says now; the client itself reads it only once, at its import."""
    return (os.environ.get("HF_ENDPOINT") or "").rstrip("/") or None


def is_offline() -> bool:
    """Tell whether HF_HUB_OFFLINE forbids the network."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in TRUE


def pretrained_file(repository: str, file: str) -> Path:
    """Find or download a safetensors file that somebody else publishes, such as ImageNet weights.

    No sum is registered here: the hub's own is checked where it tells one, and the content must be sound
    safetensors. The cached file is named by its sum, which is checked every time.
    """
    return read_pretrained(repository, file)[0]


def read_pretrained(repository: str, file: str) -> tuple[Path, WeightFile]:
    """Find or download such a file as `pretrained_file` does, and read it: the bytes that were verified, no others."""
    store = home() / "pretrained"
    folder = store / repository.replace("/", "--") / file.replace("/", "--")
    for path in sorted(folder.glob("*.safetensors")) if folder.is_dir() else []:
        found = _read_right(path, path.stem, None)
        if not isinstance(found, str):
            return found
        warnings.warn(f"{path} has changed on the disk and is not used", ZooWarning, stacklevel=2)
    path = _fetch_pretrained(repository, file, store, folder)
    found = _read_right(path, path.stem, None)
    if isinstance(found, str):
        raise CheckpointError(f"{path}: {found}; it was replaced after it had been fetched. Load it again")
    return found


def _fetch_pretrained(repository: str, file: str, store: Path, folder: Path) -> Path:
    if is_offline():
        raise NotCachedError(f"{repository}/{file} is not on this machine and HF_HUB_OFFLINE forbids the download")
    try:
        wanted = Wanted(repository, file, None, None)
        return fetch(wanted, store, lambda sha256: folder / f"{sha256}.safetensors", endpoint(), read_metadata)
    except CheckpointError as error:
        raise CheckpointError(f"{repository}/{file} could not be fetched.\n{error}") from error


def _own_file(given: str | Path, entry: Entry) -> Path:
    known = ", ".join(entry.checkpoints) or "none yet"
    expected = f"expected the path of a .safetensors file or a checkpoint of {entry.name}: {known}"
    try:
        path = Path(given).expanduser()
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise CheckpointError(f"{given}: no such file; {expected}") from error
    except (OSError, ValueError, RuntimeError) as error:  # too long a name, no such user behind ~, no right to look
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{str(given)[:200]}: cannot be opened ({reason}); {expected}") from error
    if stat.S_ISDIR(mode):
        inside = ", ".join(sorted(p.name for p in path.glob("*.safetensors"))[:5])
        raise CheckpointError(f"{path}: a folder{f' that holds {inside}' if inside else ''}; {expected}")
    return path


def _first_right(entry: Entry, registered: Checkpoint, check: Callable[[Path], T | str]) -> T | None:
    """Return what `check` makes of the first right copy on this machine; warn of each other, whose fault it says."""
    for path in _candidates(entry, registered):
        found = check(path)
        if not isinstance(found, str):
            remove_orphans(home() / "checkpoints" / STAGING)
            return found
        warnings.warn(
            f"{path} is not the registered file and is not used: {found}; expected {registered.bytes} bytes, "
            f"sha256 {registered.sha256}",
            ZooWarning,
            stacklevel=3,
        )
    return None


def _read_right(path: Path, sha256: str, size: int | None) -> tuple[Path, WeightFile] | str:
    """Read a file once; return its content if that has the wanted sum, else say what it is."""
    try:
        found = path.stat().st_size
        if size is not None and found != size:
            return difference(path, Wanted("", "", sha256, size)) or "it changes while it is read"
        file = WeightFile(read_raw(path, found), str(path))
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    right = file.sha256 == sha256
    return (path, file) if right else f"found {len(file.content)} bytes, sha256 {file.sha256}"


def _registered(entry: Entry, name: str) -> Checkpoint:
    if name != "default":
        return entry.checkpoint(name)
    if entry.default_checkpoint is None:
        raise CheckpointError(
            f"{entry.name} has no trained weights yet; give checkpoint='file.safetensors', "
            "or checkpoint=None for random weights"
        )
    return entry.default_checkpoint


def _wanted(entry: Entry, checkpoint: Checkpoint) -> Wanted:
    repository = hub_repository() if entry.origin.plugin is None else entry.origin.hub or ""
    return Wanted(repository, checkpoint.file, checkpoint.sha256, checkpoint.bytes)


def _candidates(entry: Entry, checkpoint: Checkpoint) -> Iterator[Path]:
    """Yield the copies on this machine, in the order in which they are preferred."""
    folders = [Path(os.environ["ZOO_CHECKPOINTS"]).expanduser()] if os.environ.get("ZOO_CHECKPOINTS") else []
    if entry.origin.checkpoints is not None:
        folders.append(entry.origin.checkpoints)
    elif (HERE.parent / "registry.yaml").is_file():  # a checkout, not an installed package
        folders.append(HERE.parent / "checkpoints")
    for path in (*(folder / checkpoint.file for folder in folders), cache_path(checkpoint)):
        try:
            present = path.is_file()
        except PermissionError:
            present = True  # `difference` then says that it cannot be read
        if present:
            yield path


def _fetch(entry: Entry, checkpoint: Checkpoint, may_download: bool) -> Path:
    title = f"{entry.name}/{checkpoint.name}"
    final = cache_path(checkpoint)
    wanted = _wanted(entry, checkpoint)
    if is_offline() or not may_download or not wanted.repository:
        reason = "HF_HUB_OFFLINE forbids the download" if is_offline() else "a download was not asked for"
        reason = reason if wanted.repository else f"the plug-in {entry.origin.plugin} names no hub to fetch it from"
        raise NotCachedError(
            f"{title} ({checkpoint.bytes / 1e6:.1f} MB) is not on this machine and {reason}.\n"
            f"  file: {checkpoint.file}, sha256 {checkpoint.sha256}\n"
            f"  fetch it where there is a network: zoo download {entry.name}\n"
            f"  or put it at {final}, or give its path as checkpoint=..."
        )
    try:
        return fetch(wanted, home() / "checkpoints", lambda _: final, endpoint())
    except CheckpointError as error:
        raise CheckpointError(
            f"{title} could not be fetched.\n"
            f"  file: {checkpoint.file}, sha256 {checkpoint.sha256}\n"
            f"  from: {address(wanted, endpoint())}\n{error}\n"
            "  by hand: put the file with this sha256\n"
            f"  at {final}, or give its path as checkpoint=..."
        ) from error
