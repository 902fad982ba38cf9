"""The commands that write data with other masks: worse ones, for studies, and scribbles that a model made wider."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from tqdm import tqdm

from zoo.cli import run
from zoo.cli.output import say

if TYPE_CHECKING:
    from zoo.common.datasets import Dataset

Share = Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the training cases whose masks are changed.")]
LabelledShare = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Share of the training patients that keep masks; others are unlabelled.")
]


def degrade(
    source: Annotated[Path, typer.Argument(metavar="DATA", help="Data with masks, or a folder of masks alone.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="A new or empty folder.")],
    scribbles: Annotated[bool, typer.Option("--scribbles", help="Keep a curve in each object, one outside.")] = False,
    points: Annotated[bool, typer.Option("--points", help="Keep a few pixels.")] = False,
    boxes: Annotated[bool, typer.Option("--boxes", help="Keep what is outside boxes, and the middle inside.")] = False,
    noise: Annotated[bool, typer.Option("--noise", help="Make masks too wide, too narrow, or bend them.")] = False,
    share: Share = 1.0,
    tell: Annotated[bool, typer.Option("--tell", help="Cases with changed masks become the split `noisy`.")] = False,
    labelled_share: LabelledShare = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="What is drawn depends on it and on the names of the cases.")] = 0,
    layout: Annotated[str | None, typer.Option(help="Layout of the data; recognised if left out.")] = None,
) -> None:
    """Write data whose training masks are scribbles, points, boxes, wrong, or missing; 255 is unknown."""
    from zoo.common.datasets import open_dataset
    from zoo.common.degrade import degrade as make_worse
    from zoo.common.degrade.folder import degrade_folder, is_folder_of_masks

    kind = _one_kind({"scribbles": scribbles, "points": points, "boxes": boxes, "noise": noise}, labelled_share < 1)
    if not kind and (tell or share < 1):
        raise typer.BadParameter(f"--{'tell' if tell else 'share'} is of changed masks, and none are; say how, too")
    if kind and layout is None and is_folder_of_masks(source):
        if tell or labelled_share < 1:
            raise typer.BadParameter(
                f"{source} holds masks alone; --{'tell' if tell else 'labelled-share'} expects images and their masks"
            )
        say(f"{degrade_folder(source, out, kind, share, seed)} masks written to {out}")
        return
    data = open_dataset(source, "segmentation", layout=layout, unlabelled=True)
    worse = make_worse(data, kind, share=share, labelled_share=labelled_share, tells=tell, seed=seed)
    _write(worse, out)


def expand(
    name: run.Name,
    data: Annotated[Path, typer.Option(metavar="DATA", help="Data with scribbles: 255 is unknown.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="A new or empty folder.")],
    checkpoint: run.CheckpointOption = "default",
    sure: Annotated[float, typer.Option(help="Share of the largest entropy below which a pixel counts as sure.")] = 0.1,
    backend: run.Backend = None,
    device: run.Device = None,
    layout: run.Layout = None,
) -> None:
    """Write data whose training scribbles also mark what a model that learned from them is sure of."""
    from zoo.common.datasets import open_dataset
    from zoo.training.expand import expand as make_wider

    model = run.load_model(name, backend, device, checkpoint)
    given = open_dataset(data, "segmentation", layout=layout, unlabelled=True)
    wider = make_wider(model, given, sure)
    _write(wider, out)


def _write(data: Dataset, out: Path) -> None:
    """Write a data set as a manifest, and say what it holds and where it is."""
    from zoo.common.datasets.written import convert

    say(data.describe_split())
    with tqdm(total=len(data), unit="case", disable=None, file=sys.stderr) as bar:
        convert(data, "segmentation", "manifest", out, bar.update)
    say(f"{len(data)} cases written to {out}")


def _one_kind(asked: Mapping[str, bool], may_be_none: bool) -> str | None:
    """Return the one change that is asked for, or none; BadParameter for several, or for none where nothing is left."""
    kinds = [name for name, is_asked in asked.items() if is_asked]
    if len(kinds) > 1 or not (kinds or may_be_none):
        raise typer.BadParameter(
            f"{' and '.join(kinds) or 'nothing'} asked for; expected one of --{', --'.join(asked)}"
        )
    return kinds[0] if kinds else None


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("degrade")(degrade)
    app.command("expand")(expand)
