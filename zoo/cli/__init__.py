"""The command line: `zoo list`, `zoo predict` and the rest; data on stdout, everything else on stderr."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated, Any, TextIO

import typer
from rich.table import Table
from typer.core import TyperGroup

from zoo.cli import completion, data, degrade, export, files, methods, predict, recipe, run, serve, watch
from zoo.cli.output import AsJson, echo, error_console, failed, print_json, print_table, table_of
from zoo.common.errors import ZooError, ZooWarning


class Guarded(TyperGroup):
    """Turn the zoo's errors into one message and exit code 1, Ctrl-C into 130; bugs keep their traceback."""

    def invoke(self, ctx: Any) -> Any:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except ZooError as error:
                failed(str(error))
                raise typer.Exit(1) from error
            except KeyboardInterrupt as error:
                failed(f"interrupted{': ' if str(error) else ''}{error}")
                raise typer.Exit(130) from error


app = typer.Typer(
    cls=Guarded,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from zoo import __version__

        echo(f"openmedia-zoo {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Medical-imaging models, each in PyTorch and in MindSpore."""


@app.command("list")
def list_command(
    task: Annotated[str | None, typer.Option(help="Only this task.", autocompletion=completion.tasks)] = None,
    backend: Annotated[
        str | None, typer.Option(help="Only what this backend runs.", autocompletion=completion.backends)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the algorithms."""
    from zoo.registry import list_models, load_registry

    registry = load_registry()
    entries = [registry[name] for name in list_models(task, backend)]
    if as_json:
        print_json([_dump(entry) for entry in entries])
        return
    table = table_of("name", "task", "what it does", prose=["what it does"])
    for entry in entries:
        table.add_row(
            entry.name, entry.task, entry.summary if entry.checkpoints else f"{entry.summary} No weights yet."
        )
    print_table(table)


@app.command()
def info(name: run.Name, as_json: AsJson = False) -> None:
    """Show everything the registry knows of one algorithm."""
    from zoo.registry import info as look_up

    entry = look_up(name)
    if as_json:
        print_json(_dump(entry))
        return
    table = Table(show_header=False, title=entry.name, title_justify="left")
    table.add_column(style="bold")
    for label, value in _facts(entry):
        table.add_row(label, value)
    print_table(table)
    if entry.checkpoints:
        print_table(_checkpoint_table(entry))


def _facts(entry: Any) -> list[tuple[str, str]]:
    from zoo.registry.package import Package

    reported = entry.reported
    figures = [("original", reported.original), *((f"OpenMedIA {k}", v) for k, v in reported.openmedia.items())]
    return [
        ("what it does", entry.summary),
        ("task", entry.task),
        ("also found as", ", ".join(entry.aliases) or "-"),
        ("input", f"{entry.input.modality}, {entry.input.dimensions}-D, {entry.input.channels} channel(s)"),
        ("frameworks", ", ".join(entry.frameworks) or "-"),
        ("paper", f"{entry.paper.title} ({entry.paper.year})\n{entry.paper.url}"),
        (
            f"published {reported.metric}",
            f"{reported.dataset}: " + ", ".join(f"{k} {v}" for k, v in figures if v is not None),
        ),
        ("licence", entry.licence),
        ("package", Package(entry).module),
    ]


def _checkpoint_table(entry: Any) -> Table:
    prose = ("trained on", "data licence", "measured")
    table = table_of("checkpoint", "size", "trained on", "data licence", "framework", "measured", prose=prose)
    for name, checkpoint in entry.checkpoints.items():
        measured = [
            f"{framework}: " + ", ".join(f"{metric} {value:.4g}" for metric, value in metrics.items())
            for framework, metrics in checkpoint.metrics.items()
        ]
        for trivial, metrics in checkpoint.baselines.items():
            measured.append(f"to beat, {trivial}: " + ", ".join(f"{metric} {v:.4g}" for metric, v in metrics.items()))
        table.add_row(
            f"{name} (default)" if checkpoint.default else name,
            f"{checkpoint.bytes / 1e6:.1f} MB",
            checkpoint.dataset.name,
            checkpoint.dataset.licence,
            checkpoint.trained.framework,
            "\n".join(measured),
        )
    return table


def _dump(entry: Any) -> dict[str, Any]:
    return {**entry.model_dump(mode="json", by_alias=True), "frameworks": list(entry.frameworks)}


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    place = "" if issubclass(category, ZooWarning) else f"{filename}:{lineno}: {category.__name__}: "
    error_console().print(f"warning: {place}{message}", style="yellow", markup=False, highlight=False)


predict.add_to(app)
run.add_to(app)
recipe.add_to(app)
methods.add_to(app)
degrade.add_to(app)
files.add_to(app)
data.add_to(app)
serve.add_to(app)
watch.add_to(app)
export.add_to(app)


def main() -> None:
    """Run the command line; the entry point of `zoo` and `python -m zoo`."""
    app(prog_name="zoo", args=sys.argv[1:])
