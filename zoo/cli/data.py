"""What the commands take as data, and the command that writes it in another layout."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from tqdm import tqdm

from zoo.cli import completion
from zoo.cli.output import say

if TYPE_CHECKING:
    from zoo.common.datasets.two_folders import FolderPair

Data = Annotated[Path | None, typer.Option(help="A folder in a known layout, or a CSV or JSONL list.")]
Images = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Instead of --data: the images, with --masks.")]
Masks = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Their masks, called alike or <image>_seg, _mask, _label.")
]


def data_of(data: Path | None, images: Path | None, masks: Path | None) -> Path | FolderPair:
    """Return the data that the options name: --data, or --images with --masks."""
    if data is not None and images is None and masks is None:
        return data
    if data is None and images is not None and masks is not None:
        from zoo.common.datasets.two_folders import FolderPair

        return FolderPair(images, masks)
    given = [f"--{name}" for name, value in (("data", data), ("images", images), ("masks", masks)) if value is not None]
    raise typer.BadParameter(f"{' and '.join(given) or 'no data'} given; expected --data, or --images with --masks")


def shown_name(given: Path | FolderPair) -> str:
    """Name the data in the title of a table."""
    return given.name if isinstance(given, Path) else str(given)


def convert_data(
    source: Annotated[Path, typer.Argument(metavar="DATA", help="A folder in a known layout, or a list.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="A new or empty folder.")],
    to: Annotated[str, typer.Option(help="nnunet, coco or manifest.")],
    task: Annotated[
        str, typer.Option(help="What the labels are, as in `zoo list`.", autocompletion=completion.tasks)
    ] = "segmentation",
    layout: Annotated[str | None, typer.Option(help="Layout of the data; recognised if left out.")] = None,
    seed: Annotated[int, typer.Option(help="Of the split that is drawn where the data brings none.")] = 0,
) -> None:
    """Write labelled data in another layout: nnU-Net's folders, COCO, or a manifest; splits and groups come along."""
    from zoo.common.datasets import open_dataset
    from zoo.common.datasets.written import convert

    dataset = open_dataset(source, task, layout=layout, seed=seed)
    say(dataset.describe_split())
    with tqdm(total=len(dataset), unit="case", disable=None, file=sys.stderr) as bar:
        folder = convert(dataset, task, to, out, bar.update)
    say(f"{len(dataset)} cases written to {folder}")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("convert-data")(convert_data)
