"""Which algorithms a service has, and what a request may ask of them."""

from __future__ import annotations

from functools import cached_property

from zoo.common.errors import BackendError
from zoo.engines.backends import KINDS, NAMES, present
from zoo.registry import Entry, find, load_registry
from zoo.serve.jobs import Target
from zoo.serve.refusals import RefusedError
from zoo.serve.settings import Settings


class Menu:
    """The algorithms of a service; the registry is read once, because that takes a tenth of a second."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """The algorithms by name: those that have weights, or those that were asked for."""
        registry = load_registry()
        if self.settings.names:
            return {entry.name: entry for entry in (find(name, registry) for name in self.settings.names)}
        return {name: entry for name, entry in registry.items() if entry.checkpoints}

    def check(self) -> None:
        """Raise RegistryError where an algorithm is asked for that does not exist."""
        _ = self.entries

    def find(self, name: str) -> Entry:
        """Find an algorithm of the service; RegistryError for any other."""
        return find(name, self.entries)

    def target(self, name: str, checkpoint: str = "", backend: str = "") -> Target:
        """Say which weights are asked: registered ones alone, never a file of the server."""
        entry = self.find(name)
        default = entry.default_checkpoint
        if default is None:
            raise RefusedError(409, f"{entry.name} has no trained weights yet")
        chosen = default if checkpoint in ("", "default") else entry.checkpoint(checkpoint)
        return Target(entry.name, chosen.name, self.framework(entry, backend))

    def framework(self, entry: Entry, backend: str = "") -> str:
        """Return the framework that a backend stands for, without importing it."""
        usable = self.frameworks(entry)
        if not backend and usable:
            return usable[0]
        framework = NAMES.get(backend.lower(), ("", None))[0]
        if framework not in usable:
            raise BackendError(
                f"backend {backend[:40]!r} given; expected one of {', '.join(usable) or 'none installed'}"
            )
        return framework

    def frameworks(self, entry: Entry) -> list[str]:
        """Name the ways to run an algorithm here, frameworks first; that of the service alone where it has one."""
        wanted = NAMES[self.settings.backend.lower()][0] if self.settings.backend else None
        return [name for name in self._present if KINDS[name].network in entry.frameworks and wanted in (None, name)]

    @cached_property
    def _present(self) -> list[str]:
        return present()
