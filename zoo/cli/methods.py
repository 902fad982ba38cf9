"""The commands that tell how a network may learn: from few, weak or wrong labels, and by which loss."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer

from zoo.cli import completion
from zoo.cli.output import AsJson, echo, print_json, print_table, table_of
from zoo.cli.recipe import options_table

methods = typer.Typer(no_args_is_help=False, help="List the methods of `zoo train --method`, or show one.")


@methods.callback(invoke_without_command=True)
def list_command(
    context: typer.Context,
    kind: Annotated[
        str | None, typer.Option(help="supervised, semi-supervised, weakly-supervised or noisy-labels.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the methods of `zoo train --method`."""
    if context.invoked_subcommand is not None:
        return
    from zoo.common.methods import find_method, list_methods

    found = [find_method(name) for name in list_methods(kind)]
    if as_json:
        print_json([{"kind": method.kind, **method.to_dict()} for method in found])
        return
    table = table_of("method", "kind", "what it does", prose=["what it does"])
    for method in found:
        table.add_row(
            method.name, method.kind, (inspect.getdoc(type(method)) or "").split("\n\n")[0].replace("\n", " ")
        )
    print_table(table)


@methods.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A method, as in `zoo methods`.", autocompletion=completion.methods)],
    as_json: AsJson = False,
) -> None:
    """Show what a method does, and its options."""
    from zoo.common.methods import find_method

    method = find_method(name)
    if as_json:
        print_json({"kind": method.kind, **method.to_dict()})
        return
    echo(f"{method.name}, {method.kind}: {inspect.getdoc(type(method))}")
    print_table(options_table(method, "zoo train --method-option OPTION=VALUE"))


def losses(as_json: AsJson = False) -> None:
    """List the losses of `zoo train --loss`, for entries of segmentation; several are joined by +."""
    from zoo.common.segmentation.options import OPTIONS

    if as_json:
        print_json(dict(OPTIONS))
        return
    table = table_of("loss", "what it is", prose=["what it is"])
    for name, told in OPTIONS.items():
        table.add_row(name, told)
    print_table(table)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(methods, name="methods")
    app.command("losses")(losses)
