"""Ways to learn from few, weak or wrong labels, over any segmentation entry: a folder each, found by its name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from zoo.common.errors import ConfigError
from zoo.common.methods.contract import KINDS, SUPERVISED, Method
from zoo.common.records import build_record

PACKAGE = "zoo.common.methods"


def list_methods(kind: str | None = None) -> list[str]:
    """Name the methods of `train(..., method=)`, all or those of a kind, in the order of the kinds."""
    if kind is not None and kind not in KINDS:
        raise ConfigError(f"kind={kind!r} given; expected one of {', '.join(KINDS)}")
    found = {name: _class_of(name).kind for name in _names()}
    return sorted((name for name in found if kind in (None, found[name])), key=lambda n: (KINDS.index(found[n]), n))


def find_method(name: str = SUPERVISED, options: Mapping[str, Any] | None = None) -> Method:
    """Open a method with its options; ConfigError names unknown ones."""
    if not isinstance(name, str) or name not in _names():
        raise ConfigError(f"method {name!r} is unknown; expected one of {', '.join(list_methods())}")
    return build_record(_class_of(name), dict(options or {}), f"method {name}")


def loss_module(method: Method, framework: str) -> ModuleType:
    """Import what a method computes in one framework: terms(run, guidance), and guide(run) where it has one."""
    return importlib.import_module(f"{PACKAGE}.{method.folder}.loss_{framework}")


def _names() -> list[str]:
    package = importlib.import_module(PACKAGE)
    return [found.name.replace("_", "-") for found in pkgutil.iter_modules(package.__path__) if found.ispkg]


def _class_of(name: str) -> type[Method]:
    module = importlib.import_module(f"{PACKAGE}.{name.replace('-', '_')}.method")
    own = [value for value in vars(module).values() if _is_own(value, module)]
    return own[0]


def _is_own(value: object, module: ModuleType) -> bool:
    return isinstance(value, type) and issubclass(value, Method) and value.__module__ == module.__name__
