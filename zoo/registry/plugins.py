"""Algorithms of other installed packages: each names a registry file of its own by an entry point.

In the pyproject.toml of the other package:

    [project.entry-points."openmedia_zoo.algorithms"]
    lesions = "lesion_zoo:registry.yaml"

The file lies in the folder of `lesion_zoo` and is written like the zoo's registry.yaml; `package: spots` means
`lesion_zoo.spots`, built like a folder of models/. Weights lie in `lesion_zoo/checkpoints/`, or on the file's `hub:`.
"""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Mapping
from pathlib import Path

from zoo.common.errors import PluginWarning, RegistryError
from zoo.registry.entries import Entry, Origin, PluginRegistry, spellings
from zoo.registry.files import read_as
from zoo.registry.package import folders_of

GROUP = "openmedia_zoo.algorithms"
FILE = "registry.yaml"  # where the entry point names none


def read_plugins(own: Mapping[str, Entry]) -> dict[str, Entry]:
    """Read the algorithms of all plug-ins, importing none; what cannot be used is left out with a PluginWarning.

    own: the zoo's algorithms, whose names nobody else may take.
    """
    taken = {spelling: "the zoo" for entry in own.values() for spelling in spellings(entry)}
    found: dict[str, Entry] = {}
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda p: (p.name, p.value)):
        plugin = point.dist.name if point.dist is not None else point.name
        try:
            entries = read_plugin(point, plugin)
        except RegistryError as error:
            _warn(f"the plug-in {plugin} is left out: {error}")
            continue
        for entry in entries.values():
            clash = next((spelling for spelling in spellings(entry) if spelling in taken), None)
            if clash is not None:
                _warn(
                    f"{entry.name} of the plug-in {plugin} is left out: {taken[clash]} already has an algorithm "
                    f"found as {clash!r}; rename it in {entry.origin.registry}"
                )
                continue
            taken |= dict.fromkeys(spellings(entry), f"the plug-in {plugin}")
            found[entry.name] = entry
    return found


def read_plugin(point: importlib.metadata.EntryPoint, plugin: str) -> dict[str, Entry]:
    """Read the registry file that one entry point names; RegistryError says why it cannot be."""
    module, _, file = point.value.partition(":")
    module, file = module.strip(), file.strip() or FILE
    try:
        folders = folders_of(module)
    except (ImportError, ValueError) as error:
        raise RegistryError(f"its entry point {point.name} names {module!r}, which cannot be found: {error}") from error
    path = next((folder / file for folder in folders if (folder / file).is_file()), None)
    if path is None:
        places = ", ".join(str(folder) for folder in folders) or "no folder: the package is not there"
        raise RegistryError(f"its entry point {point.name} names {file} in {module}; looked in {places}")
    read = read_as(PluginRegistry, path, _origin(plugin, module, path, None))
    origin = _origin(plugin, module, path, read.hub)
    return {name: entry.model_copy(update={"origin": origin}) for name, entry in read.models.items()}


def _origin(plugin: str, module: str, path: Path, hub: str | None) -> Origin:
    return Origin(plugin=plugin, module=module, registry=str(path), checkpoints=path.parent / "checkpoints", hub=hub)


def _warn(message: str) -> None:
    warnings.warn(message, PluginWarning, stacklevel=4)
