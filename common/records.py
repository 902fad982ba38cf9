"""Frozen dataclasses from plain values: configurations, recipes, augmentations out of JSON, YAML and the command line.

The types of the fields say what is allowed (`ranges`, Literal); pydantic checks values against them.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar, get_type_hints

from zoo.common.errors import ConfigError

D = TypeVar("D")
LARGEST_GRID = 2**25  # pixels or voxels that a network sees at once: 2 GiB in 16 channels
LATER = "later"  # key of a field's metadata


def later(default: D) -> D:
    """Declare a field that files of earlier versions lack; they mean `default`.

    Whoever adds a field to a Config after checkpoints were written says `name: int = later(3)`, with the value that
    the code before it amounts to. Any other field that a checkpoint lacks is an error.
    """
    field: D = dataclasses.field(default=default, metadata={LATER: True})
    return field


def build_record(cls: type[D], values: Mapping[str, Any], source: str, *, complete: bool = False) -> D:
    """Build a record from plain values; ConfigError names unknown and missing fields, and what is not allowed.

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
    cleaned = {name: _plain(value) for name, value in values.items()}
    _check(cls, cleaned, f"{source}: ")
    try:
        return cls(**cleaned)
    except TypeError as error:
        raise ConfigError(f"{source}: {error}") from error


def replace_fields(record: D, changes: Mapping[str, Any], source: str) -> D:
    """Return a copy with some fields changed; ConfigError as build_record()."""
    return build_record(type(record), shallow(record) | dict(changes), source)


def check_record(record: object) -> None:
    """Raise ConfigError where a field of a dataclass holds what its type does not allow."""
    _check(type(record), shallow(record), "")


def check_sizes(config: object) -> None:
    """Raise ConfigError where a grid that a configuration names, such as `input_size`, is empty or takes gigabytes."""
    for name, sides in shallow(config).items():
        if not name.endswith("_size") or not isinstance(sides, tuple):
            continue
        if min(sides, default=1) < 1 or math.prod(sides) > LARGEST_GRID:
            raise ConfigError(
                f"{name}={sides!r:.200} given; expected sides from 1 and at most {LARGEST_GRID:,} pixels in all"
            )


def check_scaling(config: object) -> None:
    """Raise ConfigError where the `mean` or `std` of intensities are neither one nor one per input channel."""
    fields = shallow(config)
    channels = fields.get("input_channels", 1)
    for name in ("mean", "std"):
        values = fields.get(name)
        if isinstance(values, tuple) and len(values) not in (1, channels):
            raise ConfigError(f"{name}={values} given for input_channels={channels}; expected one, or one per channel")
        if name == "std" and isinstance(values, tuple) and not min(values) > 0:
            raise ConfigError(f"std={values} given; expected numbers above 0")


def shallow(record: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name, their values as they are."""
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def remarks(cls: type) -> dict[str, str]:
    """Read the comment behind each field, which is its documentation."""
    sources = [inspect.getsource(base) for base in reversed(cls.__mro__) if dataclasses.is_dataclass(base)]
    lines = (re.findall(r"^ {4}(\w+):[^#\n]*#\s*(.+)$", source, re.MULTILINE) for source in sources)
    return {name: remark.strip() for found in lines for name, remark in found}


def _check(cls: type, values: Mapping[str, Any], where: str) -> None:
    from pydantic import ValidationError

    defaults = {field.name: field.default for field in dataclasses.fields(cls)}
    for name, value in values.items():
        try:
            _adapters(cls)[name].validate_python(value)
        except ValidationError as error:
            expected = _expected(error.errors(include_url=False)[0])
            like = "" if defaults[name] is dataclasses.MISSING else f" (default {defaults[name]!r})"
            raise ConfigError(f"{where}{name} is {value!r:.200}; expected {expected}{like}") from None


def _expected(error: Mapping[str, Any]) -> str:
    """Turn pydantic's words into `greater than 0`, or `item 2 greater than 0` within a tuple."""
    if error["type"] in ("missing", "too_long"):
        return "another number of values"
    words = re.sub(r"^(Input should be|\w+ should have) | after validation.*", "", error["msg"])
    place = "".join(f"item {key + 1} " for key in error["loc"] if isinstance(key, int))
    return f"{place}{words}"


@lru_cache(maxsize=64)
def _adapters(cls: type) -> dict[str, Any]:
    """Build one check per field: no text for a number, no True for 1, no NaN."""
    from pydantic import ConfigDict, TypeAdapter

    strict = ConfigDict(strict=True, allow_inf_nan=False)
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: TypeAdapter(hints[field.name], config=strict) for field in dataclasses.fields(cls)}


def _plain(value: Any) -> Any:
    """Turn lists into tuples, and NumPy's numbers into Python's."""
    # told by name, since importing NumPy costs the shell a tenth of a second
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()
    return tuple(_plain(item) for item in value) if isinstance(value, list | tuple) else value
