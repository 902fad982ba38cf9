"""The models that are in memory: loaded at first use, the longest unused dropped when there is no room."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BackendError, RegistryError
from zoo.engines.backends import NAMES, installed
from zoo.registry import Entry, find, load_registry
from zoo.serve.jobs import Target
from zoo.serve.refusals import RefusedError
from zoo.serve.settings import Settings

if TYPE_CHECKING:
    from zoo.model import Model

BYTES_PER_WEIGHT = 4  # float32


class Shelf:
    """Loads and keeps models; used from one thread alone, but for `loaded`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._models: OrderedDict[Target, tuple[Model, int]] = OrderedDict()

    def get(self, target: Target) -> Model:
        """Return a model, loaded if need be; others make room for it first."""
        if target not in self._models:
            self._make_room(find(target.algorithm).checkpoint(target.checkpoint).bytes)
            model = self.load(target)
            size = sum(math.prod(shape) for shape in model.engine.shapes().values()) * BYTES_PER_WEIGHT
            self._models[target] = model, size
        self._models.move_to_end(target)
        return self._models[target][0]

    def load(self, target: Target) -> Model:
        """Load a model."""
        import zoo

        name, framework, device = target.algorithm, target.framework, self.settings.device
        return zoo.load(name, backend=framework, device=device, checkpoint=target.checkpoint)

    @property
    def loaded(self) -> dict[Target, int]:
        """The models in memory, the longest unused first, with the size of their weights [bytes]."""
        return {target: size for target, (_, size) in list(self._models.items())}

    def _make_room(self, size: int) -> None:
        while self._models and sum(self.loaded.values()) + size > self.settings.bounds.model_bytes:
            self._models.popitem(last=False)


def served(settings: Settings) -> dict[str, Entry]:
    """Return the algorithms of a service by name: those that have weights, or those that were asked for."""
    if settings.names:
        return {entry.name: entry for entry in map(find, settings.names)}
    return {name: entry for name, entry in load_registry().items() if entry.checkpoints}


def entry_of(settings: Settings, name: str) -> Entry:
    """Find an algorithm of the service; RegistryError for any other."""
    known = served(settings)
    entry = find(name)
    if entry.name not in known:
        raise RegistryError(f"{entry.name} is not served here; expected one of {', '.join(known)}")
    return entry


def target_of(settings: Settings, name: str, checkpoint: str = "", backend: str = "") -> Target:
    """Say which weights are asked: registered ones alone, never a file of the server."""
    entry = entry_of(settings, name)
    default = entry.default_checkpoint
    if default is None:
        raise RefusedError(409, f"{entry.name} has no trained weights yet")
    chosen = default if checkpoint in ("", "default") else entry.checkpoint(checkpoint)
    return Target(entry.name, chosen.name, framework_of(settings, entry, backend))


def framework_of(settings: Settings, entry: Entry, backend: str = "") -> str:
    """Return the framework that a backend stands for, without importing it."""
    usable = frameworks_of(settings, entry)
    if not backend and usable:
        return usable[0]
    framework = NAMES.get(backend.lower(), ("", None))[0]
    if framework not in usable:
        raise BackendError(f"backend {backend[:40]!r} given; expected one of {', '.join(usable) or 'none installed'}")
    return framework


def frameworks_of(settings: Settings, entry: Entry) -> list[str]:
    """Name the frameworks in which an algorithm can be asked here; that of the service alone where it has one."""
    wanted = NAMES[settings.backend.lower()][0] if settings.backend else None
    return [name for name in installed() if name in entry.frameworks and wanted in (None, name)]


def describe_loaded(shelf: Shelf) -> list[dict[str, Any]]:
    """Return what is in memory, ready for JSON."""
    return [{**target._asdict(), "bytes": size} for target, size in shelf.loaded.items()]
