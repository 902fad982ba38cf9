"""The list of algorithms: the zoo's own and those of plug-ins, found by their names."""

from __future__ import annotations

import difflib
from pathlib import Path

from zoo.common.errors import BackendError, RegistryError
from zoo.common.labels import TASKS
from zoo.engines.backends import KINDS, NAMES
from zoo.notebook import ModelNames
from zoo.registry.entries import Checkpoint, Entry, Registry, plain, spellings
from zoo.registry.files import HERE, read_registry, registry_path
from zoo.registry.plugins import read_plugins

__all__ = [
    "HERE",
    "Checkpoint",
    "Entry",
    "Registry",
    "find",
    "info",
    "list_models",
    "load_registry",
    "read_registry",
    "registry_path",
]


def load_registry(path: Path | str | None = None) -> dict[str, Entry]:
    """Read the algorithms by name: those of one file, or without a path the zoo's own, then those of plug-ins."""
    own = read_registry(path).models
    if path is not None:
        return own
    return {**own, **read_plugins(own)}


def find(name: str, registry: dict[str, Entry] | None = None) -> Entry:
    """Find an algorithm whatever the case, hyphens, underscores or blanks of its name, also by an alias."""
    if not isinstance(name, str):
        raise RegistryError(f"{name!r} given as the name of an algorithm; expected text. `zoo list` shows all")
    entries = load_registry() if registry is None else registry
    found = {spelling: entry for entry in entries.values() for spelling in spellings(entry)}
    if plain(name) in found:
        return found[plain(name)]
    near = difflib.get_close_matches(plain(name), found, n=3, cutoff=0.6)
    names = list(dict.fromkeys(found[s].name for s in near))
    hint = f"did you mean {' or '.join(names)}?" if names else f"registered are {', '.join(entries)}."
    raise RegistryError(f"no algorithm is called {name!r}; {hint} `zoo list` shows all")


def list_models(task: str | None = None, backend: str | None = None) -> ModelNames:
    """Name the algorithms, all or those of one task or one backend (torch, mindspore, nvidia, ascend ...)."""
    registry = load_registry()
    tasks = dict.fromkeys((*TASKS, *(entry.task for entry in registry.values())))
    if task is not None and task not in tasks:
        raise RegistryError(f"task {task!r} is unknown; expected one of {', '.join(tasks)}")
    if backend is not None and backend.lower() not in NAMES:
        raise BackendError(f"backend {backend!r} is unknown; expected one of {', '.join(NAMES)}")
    framework = KINDS[NAMES[backend.lower()][0]].network if backend is not None else None
    entries = [entry for entry in registry.values() if task in (None, entry.task)]
    return ModelNames([entry for entry in entries if framework is None or framework in entry.frameworks])


def info(name: str) -> Entry:
    """Look up everything the registry knows of an algorithm."""
    return find(name)
