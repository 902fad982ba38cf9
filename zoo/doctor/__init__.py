"""Find out what is installed, what works, and what to do about the rest."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import RegistryError
from zoo.registry import HERE, Entry, load_registry
from zoo.weights.places import endpoint, home, hub_repository, is_offline, verify

LIBRARIES = ("numpy", "scipy", "pillow", "simpleitk", "pydicom", "safetensors", "huggingface-hub", "matplotlib")
LOW_DISK, NO_DISK = 2.0, 0.2  # GiB: the paper's networks are up to 0.3 GB each, checkpoints of a run twice that


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; state is ok, warn or fail."""

    name: str
    state: str
    what: str
    remedy: str = ""


def diagnose() -> list[Check]:
    """Look at everything; needs no framework and no network, and changes nothing."""
    from zoo.doctor.frameworks import framework_checks

    checks = [python_check(), *library_checks()]
    entries, registry = read_entries()
    checks += [registry, *framework_checks(entries), *place_checks(), hub_check()]
    for entry in entries:
        checks += weight_checks(entry)
    return checks


def is_healthy(checks: list[Check]) -> bool:
    """Tell whether nothing failed; warnings are allowed."""
    return all(check.state != "fail" for check in checks)


def installed_version(distribution: str) -> str | None:
    """Look up the version of an installed distribution without importing it."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def python_check() -> Check:
    """Check the interpreter."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    if sys.version_info >= (3, 13):
        return Check(
            "Python", "warn", f"{found}; MindSpore has no build for it", "use Python 3.10 to 3.12 for MindSpore"
        )
    return Check("Python", "ok", found)


def library_checks() -> Iterator[Check]:
    """Check the package itself and the libraries that every command needs."""
    version = installed_version("openmedia-zoo")
    if version is None:
        yield Check("openmedia-zoo", "warn", f"not installed, run from {HERE.parent}", "pip install -e .")
    else:
        yield Check("openmedia-zoo", "ok", f"{version} in {HERE}")
    versions = {name: installed_version(name) for name in LIBRARIES}
    missing = [name for name, version in versions.items() if version is None]
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    if missing:
        yield Check("libraries", "fail", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    else:
        yield Check("libraries", "ok", found)


def read_entries() -> tuple[list[Entry], Check]:
    """Read the registry, or say why it cannot be read."""
    try:
        entries = list(load_registry().values())
    except RegistryError as error:
        return [], Check("registry", "fail", str(error), "reinstall openmedia-zoo")
    return entries, Check("registry", "ok", f"{len(entries)} algorithms: {', '.join(e.name for e in entries)}")


def place_checks() -> Iterator[Check]:
    """Check that weights and caches have a place to be written to."""
    folder = home()
    parent = next(p for p in (folder, *folder.parents) if p.exists())
    if not os.access(parent, os.W_OK):
        yield Check("cache", "warn", f"{folder} cannot be written", "set ZOO_HOME to a folder that can")
    else:
        yield Check("cache", "ok", f"{folder}{'' if folder.exists() else ' (made at the first download)'}")
    if (HERE.parent / "registry.yaml").is_file():
        yield Check("checkout", "ok", f"weights of {HERE.parent / 'checkpoints'} come first")
    yield disk_check(parent)


def disk_check(folder: Path) -> Check:
    """Check the free space where weights are kept."""
    free_gib = shutil.disk_usage(folder).free / 2**30
    if free_gib >= LOW_DISK:
        return Check("disk", "ok", f"{free_gib:.0f} GiB free at {folder}")
    state = "warn" if free_gib >= NO_DISK else "fail"
    return Check("disk", state, f"{free_gib:.1f} GiB free at {folder}", "free some space, or set ZOO_HOME elsewhere")


def hub_check() -> Check:
    """Say where missing weights would be fetched from; asks nobody."""
    where = f"{hub_repository()} at {endpoint() or 'the default hub'}"
    if is_offline():
        return Check("hub", "warn", f"{where}, but HF_HUB_OFFLINE forbids downloads", "unset HF_HUB_OFFLINE")
    return Check("hub", "ok", f"{where} (not contacted)")


def weight_checks(entry: Entry) -> Iterator[Check]:
    """Check every copy on this machine of the checkpoints of one algorithm."""
    if not entry.checkpoints:
        yield Check(f"weights of {entry.name}", "warn", "none are registered yet", "train some: zoo train")
    for finding in verify(entry):
        name = f"weights of {entry.name}/{finding.checkpoint}"
        if finding.state == "right":
            yield Check(name, "ok", f"{finding.path}: SHA-256 is right")
        elif finding.state == "absent":
            yield Check(name, "warn", "not on this machine yet", finding.detail)
        else:
            remedy = f"delete the file, then: zoo download {entry.name}"
            yield Check(name, "fail", f"{finding.path}: {finding.detail}", remedy)
