"""Frozen dataclasses from plain values: configurations and recipes out of JSON, YAML and the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from zoo.common.errors import ConfigError

D = TypeVar("D")


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
