"""YAML without its surprises: no duplicate keys, no aliases, no tags, `no` is text and 1e-4 a number."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

from zoo.common.errors import RegistryError

LARGEST_BYTES = 1 << 20
MOST_VALUES = 20_000  # keys included; an entry of the registry has a hundred
DEEPEST = 12  # the registry nests 6 levels; the parser's own recursion would crash at some thousands

Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is ten times faster


class StrictLoader(Base):
    """Read null, true, false, decimal integers and decimal fractions; all else is text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own attribute)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        result: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _error(key_node.start_mark, f"the key {key!r} is not text; write it in quotes")
            if key in result:
                raise _error(key_node.start_mark, f"the key {key!r} stands twice")
            result[key] = self.construct_object(value_node, deep=True)
        return result


def _build_map(loader: StrictLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    return loader.construct_mapping(node)


def _refuse(loader: StrictLoader, node: yaml.Node) -> None:
    raise _error(node.start_mark, f"the tag {node.tag!r} is not allowed; use plain values only")


# PyYAML 1.1 reads `no` as False, `1:30` as 90, 2021-01-01 as a date, and 1e-4 as text
StrictLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(null|~|)$"), ["n", "~", ""])
StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), ["t", "f"])
StrictLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789"))
StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$"),
    list("-+.0123456789"),
)
StrictLoader.add_constructor("tag:yaml.org,2002:map", _build_map)
for _kind in ("timestamp", "binary", "omap", "pairs", "set"):
    StrictLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", _refuse)


def parse(text: str, source: str) -> Any:
    """Read one YAML document made of mappings with text keys, lists, texts, numbers, booleans and null.

    Raises RegistryError, naming `source` and the line, for everything else. Costs memory in proportion to the text.
    """
    if len(text) > LARGEST_BYTES:
        raise RegistryError(f"{source}: {len(text)} characters; expected at most {LARGEST_BYTES}")
    try:
        _check_events(text)
        return yaml.load(text, Loader=StrictLoader)  # a subclass of SafeLoader: builds plain values only
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{source}, line {mark.line + 1}" if mark else source
        raise RegistryError(f"{place}: {getattr(error, 'problem', None) or error}") from error


def _check_events(text: str) -> None:
    """Refuse aliases (a few lines can stand for gigabytes), deep nesting and crowds before anything is built."""
    depth = values = 0
    for event in yaml.parse(text, Loader=StrictLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _error(event.start_mark, f"the alias *{event.anchor} is not allowed; write the value out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _error(event.start_mark, f"more than {DEEPEST} levels")
        values += isinstance(event, yaml.NodeEvent)
        if values > MOST_VALUES:
            raise _error(event.start_mark, f"more than {MOST_VALUES:,} keys and values")


def _error(mark: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
