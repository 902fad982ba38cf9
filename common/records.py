"""Frozen dataclasses from plain values: configurations and recipes out of JSON, YAML and the command line."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from zoo.common.errors import ConfigError

D = TypeVar("D")
LATER = "later"  # key of a field's metadata


def later(default: D) -> D:
    """Declare a field that files of earlier versions lack; they mean `default`.

    Whoever adds a field to a Config after checkpoints were written says `name: int = later(3)`, with the value that
    the code before it amounts to. Any other field that a checkpoint lacks is an error.
    """
    field: D = dataclasses.field(default=default, metadata={LATER: True})
    return field


def build_record(cls: type[D], values: Mapping[str, Any], source: str, *, complete: bool = False) -> D:
    """Build a Config or Recipe from plain values; ConfigError names unknown and missing fields, and wrong types.

    complete: every field has to be given, but for those declared `later`.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ConfigError(f"{source}: unknown option {', '.join(unknown)}; expected some of {', '.join(fields)}")
    missing = [name for name, field in fields.items() if name not in values and LATER not in field.metadata]
    if complete and missing:
        raise ConfigError(
            f"{source}: the configuration lacks {', '.join(missing)}; expected every field of {cls.__name__}"
        )
    hints = typing.get_type_hints(cls)
    cleaned = {
        name: _like(fields[name].default, hints[name], _tuples(value), f"{source}: {name}")
        for name, value in values.items()
    }
    try:
        return cls(**cleaned)
    except TypeError as error:
        raise ConfigError(f"{source}: {error}") from error


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def _like(default: Any, hint: Any, value: Any, where: str) -> Any:
    if not _fits(value, hint):
        expected = f"a value like {default!r}" if default is not dataclasses.MISSING else f"a value of {hint}"
        raise ConfigError(f"{where} is {value!r:.200}; expected {expected}")
    return value


def _fits(value: Any, hint: Any) -> bool:
    """Tell whether a value is of a type; types that a plain value cannot have are taken as they come."""
    if hint in (int, float):
        return isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
    if hint in (bool, str, type(None)):
        return isinstance(value, hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_fits(value, option) for option in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return isinstance(value, tuple) and _all_fit(value, typing.get_args(hint))
    return True


def _all_fit(values: tuple[Any, ...], hints: tuple[Any, ...]) -> bool:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return all(_fits(value, hints[0]) for value in values)
    return len(values) == len(hints) and all(map(_fits, values, hints))
