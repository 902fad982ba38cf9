"""Where trained weights are: finds, downloads and verifies the registered files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import CheckpointError, NotCachedError, ZooWarning
from zoo.common.weights import read_metadata
from zoo.registry import HERE, Checkpoint, Entry, find, load_registry, read_registry
from zoo.weights.hub import STAGING, Wanted, address, difference, fetch, hash_file, remove_orphans

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
        return _own_file(Path(checkpoint).expanduser(), entry)
    registered = _registered(entry, str(checkpoint))
    wanted = _wanted(registered)
    for path in _candidates(registered):
        problem = difference(path, wanted)
        if problem is None:
            remove_orphans(home() / "checkpoints" / STAGING)
            return path
        warnings.warn(
            f"{path} is not the registered file and is not used: {problem}; expected {registered.bytes} bytes, "
            f"sha256 {registered.sha256}",
            ZooWarning,
            stacklevel=2,
        )
    return _fetch(entry, registered, download)


def is_path(checkpoint: str | Path) -> bool:
    """Tell a path from a registered name: it is a Path, has a folder, or ends in .safetensors."""
    text = os.fspath(checkpoint)
    return isinstance(checkpoint, Path) or text.endswith(".safetensors") or "/" in text or os.sep in text


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
        found = list(_candidates(registered))
        for path in found:
            problem = difference(path, _wanted(registered))
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
    store = home() / "pretrained"
    folder = store / repository.replace("/", "--") / file.replace("/", "--")
    for path in sorted(folder.glob("*.safetensors")) if folder.is_dir() else []:
        if hash_file(path) == path.stem:
            return path
        warnings.warn(f"{path} has changed on the disk and is not used", ZooWarning, stacklevel=2)
    if is_offline():
        raise NotCachedError(f"{repository}/{file} is not on this machine and HF_HUB_OFFLINE forbids the download")
    try:
        wanted = Wanted(repository, file, None, None)
        return fetch(wanted, store, lambda sha256: folder / f"{sha256}.safetensors", endpoint(), read_metadata)
    except CheckpointError as error:
        raise CheckpointError(f"{repository}/{file} could not be fetched.\n{error}") from error


def _own_file(path: Path, entry: Entry) -> Path:
    if path.is_file():
        return path
    known = ", ".join(entry.checkpoints) or "none yet"
    raise CheckpointError(
        f"{path}: no such file; expected the path of a .safetensors file or a checkpoint of {entry.name}: {known}"
    )


def _registered(entry: Entry, name: str) -> Checkpoint:
    if name != "default":
        return entry.checkpoint(name)
    if entry.default_checkpoint is None:
        raise CheckpointError(
            f"{entry.name} has no trained weights yet; give checkpoint='file.safetensors', "
            "or checkpoint=None for random weights"
        )
    return entry.default_checkpoint


def _wanted(checkpoint: Checkpoint) -> Wanted:
    return Wanted(hub_repository(), checkpoint.file, checkpoint.sha256, checkpoint.bytes)


def _candidates(checkpoint: Checkpoint) -> Iterator[Path]:
    """Yield the copies on this machine, in the order in which they are preferred."""
    folders = [Path(os.environ["ZOO_CHECKPOINTS"]).expanduser()] if os.environ.get("ZOO_CHECKPOINTS") else []
    if (HERE.parent / "registry.yaml").is_file():  # a checkout, not an installed package
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
    if is_offline() or not may_download:
        reason = "HF_HUB_OFFLINE forbids the download" if is_offline() else "a download was not asked for"
        raise NotCachedError(
            f"{title} ({checkpoint.bytes / 1e6:.1f} MB) is not on this machine and {reason}.\n"
            f"  file: {checkpoint.file}, sha256 {checkpoint.sha256}\n"
            f"  fetch it where there is a network: zoo download {entry.name}\n"
            f"  or put it at {final}, or give its path as checkpoint=..."
        )
    wanted = _wanted(checkpoint)
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
