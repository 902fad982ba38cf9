"""What a graph depends on: weights, configuration, and the source of the network and of its exporter."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.types import Arrays
from zoo.registry.package import Package

EXPORTER = ("zoo.graphs.export_torch", "zoo.graphs.merge_onnx")


def sum_of(weights: Arrays) -> str:
    """Return the SHA-256 of weights: their names, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        value = np.ascontiguousarray(weights[name], np.float32)
        digest.update(f"{name} {value.shape};".encode())
        digest.update(value.data if value.ndim else value.tobytes())
    return digest.hexdigest()


def network_key(package: Package, config: Any) -> str:
    """Return the SHA-256 of what shapes a network: its configuration, its source, and the exporter's own files."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(config), sort_keys=True, default=str).encode())
    for name, path in network_sources(package):
        digest.update(f"{name};".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def network_sources(package: Package) -> list[tuple[str, Path]]:
    """Name the files of a network, of what it imports, and of the exporter; other changes of the zoo leave it alone."""
    own = package.entry.origin.module.split(".")[0]
    parts = (f"{package.module}.net_torch", *package.stage_modules)
    found = {name: path for part in parts for name, path in sources(part, own)}
    exporter = [(name, path) for part in EXPORTER for name, path in sources(part, own) if name == part]
    return [*sorted(found.items()), *exporter]


@lru_cache(maxsize=64)
def sources(module: str, own: str) -> tuple[tuple[str, Path], ...]:
    """Name the files of a module and of everything of the zoo, or of the package `own`, that it imports.

    They are found and read without being executed: the network's framework need not be installed.
    """
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is None or name in found:
            continue
        found[name] = path
        waiting += [other for other in _imported(name, path) if other.split(".")[0] in ("zoo", own)]
    return tuple(sorted(found.items()))


def _file_of(module: str) -> Path | None:
    spec = _spec_of(module)
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None


def _spec_of(module: str) -> ModuleSpec | None:
    """Find a module without importing what it is in, as importlib.util.find_spec would."""
    if module in sys.modules:
        return sys.modules[module].__spec__
    parent, path = module.rpartition(".")[0], None
    if parent:
        above = _spec_of(parent)
        if above is None or above.submodule_search_locations is None:  # a name out of a module, not a module
            return None
        path = list(above.submodule_search_locations)
    specs = (finder.find_spec(module, path) for finder in sys.meta_path)
    return next((spec for spec in specs if spec is not None), None)


def _imported(module: str, path: Path) -> Iterator[str]:
    """Yield the modules that a file may import."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
