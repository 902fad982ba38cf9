"""The models that are in memory: loaded at first use, the longest unused dropped when there is no room."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from zoo.registry import find
from zoo.serve.jobs import Target
from zoo.serve.settings import Settings

if TYPE_CHECKING:
    from zoo.model import Model

BYTES_PER_WEIGHT = 4  # float32


class Shelf:
    """Loads and keeps models, without keeping others out meanwhile; who loads one another is at, loads it twice."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._models: OrderedDict[Target, tuple[Model, int]] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, target: Target) -> Model:
        """Return a model, loaded if need be; others make room for it first."""
        with self._lock:
            if target in self._models:
                self._models.move_to_end(target)
                return self._models[target][0]
            self._make_room(find(target.algorithm).checkpoint(target.checkpoint).bytes)
        model = self.load(target)
        size = sum(math.prod(shape) for shape in model.engine.shapes().values()) * BYTES_PER_WEIGHT
        with self._lock:
            self._models[target] = model, size
        return model

    def load(self, target: Target) -> Model:
        """Load a model."""
        import zoo

        name, framework, device = target.algorithm, target.framework, self.settings.device
        return zoo.load(name, backend=framework, device=device, checkpoint=target.checkpoint)

    @property
    def loaded(self) -> dict[Target, int]:
        """The models in memory, the longest unused first, with the size of their weights [bytes]."""
        with self._lock:
            return {target: size for target, (_, size) in self._models.items()}

    def _make_room(self, size: int) -> None:
        while self._models and sum(self.loaded.values()) + size > self.settings.bounds.model_bytes:
            self._models.popitem(last=False)


def describe_loaded(shelf: Shelf) -> list[dict[str, Any]]:
    """Return what is in memory, ready for JSON."""
    return [{**target._asdict(), "bytes": size} for target, size in shelf.loaded.items()]
