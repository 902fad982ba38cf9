"""Options of an algorithm as the shell gives them: KEY=VALUE, and the window of raw CT."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from zoo.common.errors import ConfigError

Options = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the algorithm; repeat for several.")
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="A field of the algorithm's Config, such as input_channels=2 or spacing_mm=[1,1,3]; repeat for several.",
    ),
]
Window = Annotated[
    str | None,
    typer.Option(metavar="CENTRE,WIDTH", help="Window of raw CT [HU] for networks of slices: -600,1500, or file."),
]


def parsed(pairs: list[str] | None, window: str | None) -> dict[str, Any]:
    """Return both as options of a prediction, or as fields of the configuration that is trained."""
    return {**parse_options(pairs or []), **parse_window(window)}


def parse_options(pairs: list[str]) -> dict[str, Any]:
    """Read KEY=VALUE pairs: true and false, numbers, lists, anything else as text; ConfigError without an `=`.

    What has commas is a list, also without brackets and quotes, as a shell leaves it: background,tumour or 1,1,3.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise ConfigError(f"--option {pair}: expected KEY=VALUE, for example largest_component=true")
        options[key.replace("-", "_")] = _value(text)
    return options


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        bare = "," in text and not text.startswith(("[", "{", '"'))
        return [_value(part.strip()) for part in text.split(",")] if bare else text


def parse_window(text: str | None) -> dict[str, Any]:
    """Read centre and width, or `file`, as options of a prediction."""
    if text is None:
        return {}
    if text == "file":
        return {"window_from": "file"}
    try:
        centre, width = (float(value) for value in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"--window {text}: expected centre and width in HU, such as -600,1500, or file"
        ) from None
    return {"window": (centre, width)}
