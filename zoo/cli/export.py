"""The command that writes a model in the formats that it is deployed in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli import completion
from zoo.cli.data import Data, Images, Masks, data_of
from zoo.cli.output import say
from zoo.cli.run import CheckpointOption, Layout, Name, load_model


def export(
    name: Name,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="A new or empty folder.")],
    format: Annotated[str, typer.Option(help="onnx, openvino, torchscript, pt2 or mindir.")] = "onnx",
    checkpoint: CheckpointOption = "default",
    variant: Annotated[
        str | None, typer.Option(help="Network for random weights.", autocompletion=completion.variants)
    ] = None,
    precision: Annotated[str, typer.Option(help="f32; of openvino also bf16 and int8, with --data.")] = "f32",
    data: Data = None,
    images: Images = None,
    masks: Masks = None,
    layout: Layout = None,
) -> None:
    """Write a model's network as one file for a runtime, with an example and a program that runs it."""
    from zoo.export.formats import checked_format

    chosen = checked_format(format, precision)
    given = None if data is images is masks is None else data_of(data, images, masks)
    model = load_model(name, chosen.network, "cpu", checkpoint, variant=variant)
    folder = model.export(out, format=format, precision=precision, data=given, layout=layout)
    say(f"{model.name} as {chosen.title} written to {folder}; python {folder / 'predict.py'} runs it")


def add_to(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("export")(export)
