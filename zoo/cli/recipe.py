"""The fields of Recipe as command-line options, so that a new field needs no second place."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from zoo.common.errors import ConfigError
from zoo.common.recipe import Recipe

PAIRS = tuple[tuple[str, float], ...]
PANEL = "Training recipe (the algorithm's own where left out)"


def with_recipe_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes **recipe one option per field of Recipe; only what the user typed is passed on."""
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD]
    options = _options()
    names = [option.name for option in options]

    def run(**values: Any) -> None:
        given = {name: values.pop(name) for name in names}
        recipe = {name: _as_typed(name, value) for name, value in given.items() if value not in (None, [])}
        command(**values, **recipe)

    run.__doc__ = command.__doc__
    run.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*own, *options)}
    return run


def _options() -> list[inspect.Parameter]:
    hints, remarks = get_type_hints(Recipe), _remarks()
    found = []
    for field in dataclasses.fields(Recipe):
        kind: Any = list[str] if hints[field.name] in (tuple[str, ...], PAIRS) else hints[field.name]
        option = typer.Option(help=remarks.get(field.name), show_default=False, rich_help_panel=PANEL)
        annotation = Annotated[kind | None, option]
        found.append(inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))
    return found


def _remarks() -> dict[str, str]:
    """Read the comment behind each field, which is its documentation."""
    lines = re.findall(r"^ +(\w+):.*?#\s*(.+)$", inspect.getsource(Recipe), re.MULTILINE)
    return {name: remark.strip() for name, remark in lines}


def _as_typed(name: str, value: Any) -> Any:
    if get_type_hints(Recipe)[name] == PAIRS:
        return tuple(_pair(name, text) for text in value)
    return tuple(value) if isinstance(value, list) else value


def _pair(name: str, text: str) -> tuple[str, float]:
    key, _, number = text.rpartition("=")
    try:
        return key, float(number)
    except ValueError:
        raise ConfigError(f"--{name} {text}: expected a name and a number, such as backbone.=0.1") from None
