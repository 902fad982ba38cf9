"""What a checkpoint says about itself: algorithm, configuration, recipe and versions, as JSON in its metadata."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from typing import Any, TypeVar

from zoo.common.errors import CheckpointError, ConfigError

KEY = "zoo"  # the entry of the safetensors metadata
PACKAGES = ("openmedia-zoo", "torch", "mindspore", "numpy", "scipy", "pillow", "simpleitk")
D = TypeVar("D")


def versions() -> dict[str, str]:
    """Name the versions of everything that can change a number."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def to_metadata(algorithm: str, variant: str, config: Any, **more: object) -> dict[str, str]:
    """Pack the identity of a model for the header of its weight file."""
    identity = {"algorithm": algorithm, "variant": variant, "config": dataclasses.asdict(config), **more}
    return {KEY: json.dumps(identity | {"versions": versions()}, sort_keys=True)}


def from_metadata(metadata: Mapping[str, str], source: str) -> dict[str, Any]:
    """Unpack the identity; CheckpointError when the file has none."""
    try:
        identity = json.loads(metadata[KEY])
        if isinstance(identity, dict) and {"algorithm", "config", "variant"} <= set(identity):
            return identity
    except (KeyError, ValueError):
        pass
    raise CheckpointError(
        f"{source}: the file does not say which algorithm and configuration its weights belong to; "
        "expected a checkpoint written by the zoo (model.save or zoo train)"
    )


def build_record(cls: type[D], values: Mapping[str, Any], source: str) -> D:
    """Build a Config or Recipe from plain values; ConfigError names unknown fields and wrong types."""
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ConfigError(f"{source}: unknown option {', '.join(unknown)}; expected some of {', '.join(fields)}")
    defaults = {name: field.default for name, field in fields.items()}
    cleaned = {name: _like(defaults[name], _tuples(value), f"{source}: {name}") for name, value in values.items()}
    try:
        return cls(**cleaned)
    except TypeError as error:
        raise ConfigError(f"{source}: {error}") from error


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def _like(default: Any, value: Any, where: str) -> Any:
    if isinstance(default, bool) or default is None or default is dataclasses.MISSING:
        fits = not isinstance(default, bool) or isinstance(value, bool)
    elif isinstance(default, float):
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif isinstance(default, tuple) and isinstance(value, str):
        fits = False
    else:
        fits = isinstance(value, type(default)) and not isinstance(value, bool)
    if not fits:
        raise ConfigError(f"{where} is {value!r}; expected a value like {default!r}")
    return value
