"""How an algorithm is trained, from the shell: the command that lists it, and the options that change it."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer
from rich.table import Table

from zoo.cli.output import AsJson, print_json, print_table, say
from zoo.common.errors import ConfigError
from zoo.common.recipe import Recipe
from zoo.common.records import remarks, shallow

if TYPE_CHECKING:
    from zoo.common.augment.options import Choice

PAIRS = tuple[tuple[str, float], ...]
PANEL = "Training recipe (the algorithm's own where left out)"


def recipe(
    name: Annotated[str, typer.Argument(help="An algorithm, as in `zoo list`.")],
    variant: Annotated[str, typer.Option(help="Network: small, paper, ...")] = "small",
    as_json: AsJson = False,
) -> None:
    """Show how an algorithm is trained: the options of `zoo train`, and those of its --augment."""
    from zoo.loading import algorithm_of
    from zoo.registry import find
    from zoo.training.loop import recipe_of

    entry = find(name)
    algorithm, own = algorithm_of(entry, variant), recipe_of(entry, variant)
    if as_json:
        print_json(
            {
                "name": entry.name,
                "variant": variant,
                "recipe": dataclasses.asdict(own),
                "augmentation": dataclasses.asdict(algorithm.augmentation),
            }
        )
        return
    print_table(
        options_table(own, f"{entry.name} {variant}: options of zoo train", lambda field: f"--{_dashed(field)}")
    )
    print_table(options_table(algorithm.augmentation, "augmentation: zoo train --augment OPTION=VALUE,...", str))
    say("--augment none turns all of them off; false, 0 or [1,1] one of them")


def read_augmentation(text: str | None) -> Choice:
    """Read `mirror=false,scale=[0.9,1.1]`, or `none`; ConfigError without an `=`."""
    if text is None:
        return None
    if text.strip().lower() in ("none", "false"):
        return False
    return read_options(re.split(r",(?=\s*[\w-]+\s*=)", text), "--augment", "such as mirror=false, or none")


def read_options(pairs: Sequence[str] | None, option: str, example: str = "such as weight=0.5") -> dict[str, Any]:
    """Read OPTION=VALUE pairs, the values as JSON or else as text; ConfigError without an `=`."""
    options: dict[str, Any] = {}
    for pair in pairs or ():
        key, separator, value = (part.strip() for part in pair.partition("="))
        if not separator:
            raise ConfigError(f"{option} {pair}: expected OPTION=VALUE, {example}")
        try:
            options[key.replace("-", "_")] = json.loads(value.lower())
        except ValueError:
            options[key.replace("-", "_")] = value
    return options


def with_recipe_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes **recipe one option per field of Recipe; only what the user typed is passed on."""
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD]
    options = _options()
    names = [option.name for option in options]

    def run(**values: Any) -> None:
        given = {name: values.pop(name) for name in names}
        changes = {name: _as_typed(name, value) for name, value in given.items() if value not in (None, [])}
        command(**values, **changes)

    run.__doc__ = command.__doc__
    run.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*own, *options)}
    return run


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("recipe")(recipe)


def _options() -> list[inspect.Parameter]:
    hints, told = get_type_hints(Recipe), remarks(Recipe)
    found = []
    for field in dataclasses.fields(Recipe):
        kind: Any = hints[field.name]
        first, *more = get_args(kind) or (None,)
        if more == [...]:  # as often as wanted
            kind = list[first] if first is float else list[str]  # type: ignore[valid-type]
        kind = str if get_origin(kind) is Literal else kind  # the record says what is allowed
        option = typer.Option(help=told.get(field.name), show_default=False, rich_help_panel=PANEL)
        annotation = Annotated[kind | None, option]
        found.append(inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))
    return found


def options_table(record: Any, title: str, spell: Callable[[str], str] = str) -> Table:
    """List the fields of a record with their defaults and what they mean."""
    table = Table("option", "default", "meaning", title=title, title_justify="left")
    for name, value in shallow(record).items():
        table.add_row(spell(name), _shown(value), remarks(type(record)).get(name, ""))
    return table


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{','.join(_shown(item) for item in value)}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


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
