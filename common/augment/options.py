"""Augmentation as options of training: one frozen record per algorithm, checked, listed and stored with a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from zoo.common.errors import ConfigError
from zoo.common.records import check_record, replace_fields, shallow

SIDES = ("left", "right", "l", "r")
WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+")  # of `left lung`, `lung_L`, `LeftLung`; `L4` is a word of its own

A = TypeVar("A", bound="Augmentation")
Choice = Mapping[str, Any] | Literal[False] | None


@dataclass(frozen=True)
class Augmentation:
    """How far a copy of a sample in training may differ from it; derived records add the fields.

    Each field is an option; False, 0, or factors from 1 to 1 turn a change off.
    """

    def __post_init__(self) -> None:
        check_record(self)
        for name, value in shallow(self).items():
            if isinstance(value, tuple) and value[0] > value[1]:
                raise ConfigError(f"{name} is {value}; expected the smaller factor first")

    def off(self: A) -> A:
        """Return the record that changes nothing."""
        return type(self)(**{name: _nothing(value) for name, value in shallow(self).items()})


def choose(default: A, changes: Choice, classes: Sequence[str]) -> tuple[A, str]:
    """Return the augmentation of a run, and a word to the user where it is not what was to be expected.

    changes: fields of the record; False turns everything off. Unless they say otherwise, nothing is mirrored where
    the names of classes tell left from right.
    """
    if changes is False:
        return default.off(), ""
    if changes is not None and not isinstance(changes, Mapping):
        raise ConfigError(f"augment is {changes!r}; expected a table of options, such as {{'mirror': False}}, or False")
    record = replace_fields(default, changes or {}, "augment")
    sided = [name for name in classes if names_a_side(name)]
    if not sided or not getattr(record, "mirror", False) or "mirror" in (changes or {}):
        return record, ""
    note = (
        f"nothing is mirrored, because classes tell left from right ({', '.join(sided)}); "
        "augment={'mirror': True} (--augment mirror=true) mirrors all the same"
    )
    return replace_fields(record, {"mirror": False}, "augment"), note


def names_a_side(name: str) -> bool:
    """Tell whether one word of a class's name is left, right, l or r."""
    return any(word.lower() in SIDES for word in WORD.findall(name))


def _nothing(value: object) -> object:
    if isinstance(value, bool):
        return False
    return (1.0, 1.0) if isinstance(value, tuple) else 0.0
