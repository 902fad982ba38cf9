"""The command that predicts images: studies in, tables, masks and DICOM objects out."""

from __future__ import annotations

import traceback
from typing import Annotated, Any

import typer

from zoo.cli import options, run
from zoo.cli.output import AsJson, echo, failed, print_json, print_traceback, say
from zoo.common.errors import ConfigError, UnexpectedError, ZooError

PixelSize = Annotated[
    str | None,
    typer.Option(metavar="MM", help="Size of a pixel where the files do not say it: 0.5, or 0.5,0.4, or 3,0.5,0.5."),
]
Skip = Annotated[
    bool, typer.Option("--skip-existing", help="Go on with what an earlier run left in --out, however it ended.")
]
Folder = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="Write predictions.json, .jsonl and .csv, masks/ and overlays/ here."),
]
Inputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help="Images, studies, folders or globs.")]
Modality = Annotated[list[str] | None, typer.Option(help="Only DICOM series of this modality, such as CT.")]
Described = Annotated[
    list[str] | None, typer.Option(metavar="GLOB", help="Only DICOM series so described, such as '*lung*'.")
]
Uid = Annotated[list[str] | None, typer.Option(metavar="UID", help="Only this DICOM series.")]
NameBy = Annotated[str, typer.Option(help="Name results by their path, or by series: PatientID/series.")]
MaskFormat = Annotated[str, typer.Option(help="dcm (DICOM-SEG), nii.gz, nrrd or png; else as the image.")]
Report = Annotated[bool, typer.Option("--report", help="Write the measurements as DICOM SR, too.")]
Capture = Annotated[bool, typer.Option("--secondary-capture", help="Write the overlay as DICOM, too.")]
Structures = Annotated[bool, typer.Option("--rtstruct", help="Write the outlines of masks as DICOM RTSTRUCT, too.")]
Deidentify = Annotated[str, typer.Option(help="Name nobody in --out: basic, or keep-uids.")]
Overlays = Annotated[bool, typer.Option(help="Draw each prediction over its image.")]
Part = Annotated[
    str | None,
    typer.Option(metavar="K/N", help="Only the K-th of N parts, into --out/shard-K-of-N; zoo merge joins them."),
]
ByRay = Annotated[
    str | None, typer.Option("--ray", metavar="ADDRESS", help="Predict by workers of Ray: local, auto or HOST:PORT.")
]
SHOWN = 20  # predictions printed one by one


def predict(
    name: run.Name,
    inputs: Inputs,
    out: Folder = None,
    overwrite: run.Overwrite = False,
    skip_existing: Skip = False,
    modality: Modality = None,
    series_description: Described = None,
    series_uid: Uid = None,
    name_by: NameBy = "path",
    mask_format: MaskFormat = "",
    report: Report = False,
    secondary_capture: Capture = False,
    rtstruct: Structures = False,
    deidentify: Deidentify = "",
    backend: run.Backend = None,
    device: run.Device = None,
    checkpoint: run.CheckpointOption = "default",
    batch_size: run.BatchSize = 8,
    spacing_mm: PixelSize = None,
    overlays: Overlays = True,
    tta: run.Views = False,
    window: options.Window = None,
    option: options.Options = None,
    shard: Part = None,
    ray: ByRay = None,
    as_json: AsJson = False,
) -> None:
    """Predict images; each DICOM series is one. The bad ones are listed at the end, and what was left out.

    Exit codes: 0 all predicted, 1 some or all not, 2 wrong usage, 130 interrupted; what was finished is kept in --out.
    """
    wanted = {"modality": modality, "description": series_description, "uid": series_uid}
    found = _found(inputs, spacing_mm, wanted, name_by)
    files = mask_format, (report, secondary_capture, rtstruct), deidentify, name_by
    style = _style(out, skip_existing, overlays, *files)
    more: dict[str, Any] = {"overwrite": overwrite, "skip_existing": skip_existing, "batch_size": batch_size}
    more |= {"tta": tta, "shard": parse_shard(shard), "ray": parse_ray(ray), "options": options.parsed(option, window)}
    model = run.load_model(name, backend, device, checkpoint)
    _tell(_predicted(model, found, out, style=style, **more), out, found.left_out, as_json)


def _found(inputs: list[str], spacing_mm: str | None, wanted: dict[str, Any], name_by: str) -> Any:
    from zoo.prediction.sources import images

    chosen = {field: values for field, values in wanted.items() if values}
    return images(inputs, parse_spacing(spacing_mm), chosen or None, name_by)


def _predicted(model: Any, found: Any, out: str | None, **more: Any) -> Any:
    from zoo.prediction.many import predict_many

    return predict_many(model, found, out, **more)


def _style(
    out: str | None,
    skip_existing: bool,
    overlays: bool,
    mask_format: str,
    objects: tuple[bool, bool, bool],
    deidentify: str,
    name_by: str,
) -> Any:
    """Say what is written; ConfigError where nothing can be."""
    from zoo.prediction.into import style_of

    if out is None and (skip_existing or mask_format or any(objects) or deidentify):
        raise ConfigError("an option about files given without --out; expected --out FOLDER for them")
    return style_of(overlays, mask_format, *objects, deidentify, name_by)


def _tell(results: Any, out: str | None, left_out: list[tuple[str, str]], as_json: bool) -> None:
    """Print answers, what became of the images, what was left out, what failed; exit with 1 where something did."""
    if as_json:
        print_json(results.to_dict())
    else:
        for line in results.lines[:SHOWN]:
            echo(line)
    _sum_up(results, out, is_cut=len(results.lines) > SHOWN and not as_json)
    for left, reason in left_out:
        say(f"left out: {left}: {reason}")
    _complain([error for _, error in results.failures])
    if results.failures:
        raise typer.Exit(1)


def _sum_up(results: Any, out: str | None, is_cut: bool) -> None:
    """Say how many images were predicted, where that is, and how many are out of scope."""
    if is_cut:
        say(f"... and {len(results.lines) - SHOWN} more")
    earlier = f", {results.skipped} of them earlier" if results.skipped else ""
    names = {kept.name for kept in results.kept} | {name for name, _ in results.failures}
    say(f"{len(results.lines)} of {len(names)} images predicted{earlier}{f', written to {out}' if out else ''}")
    if results.out_of_scope:
        say(f"{results.out_of_scope} out of scope: unlike the images of the training, their answers may be worthless")


def _complain(failures: list[ZooError]) -> None:
    """Print what failed; of bugs the traceback, too, once for each kind."""
    seen = set()
    for error in failures:
        cause = error.__cause__ if isinstance(error, UnexpectedError) else None
        if cause is not None and (kind := (type(cause), traceback.format_tb(cause.__traceback__)[-1:][0])) not in seen:
            seen.add(kind)
            print_traceback(cause)
        failed(str(error))


def parse_spacing(text: str | None) -> tuple[float, ...] | float | None:
    """Read one number, or several with commas between them."""
    if text is None:
        return None
    try:
        values = tuple(float(value) for value in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--spacing-mm {text}: expected millimetres: 0.5, or 0.5,0.4, or 3,0.5,0.5") from None
    return values[0] if len(values) == 1 else values


def parse_shard(text: str | None) -> Any:
    """Read 3/8 as a part of the images."""
    from zoo.prediction.shards import Shard

    return None if text is None else Shard.read(text)


def parse_ray(text: str | None) -> str:
    """Read where Ray is; before the model is loaded, say so where it is not installed."""
    from zoo.engines.backends_ray import checked_ray

    return "" if text is None else checked_ray(text)


def merge(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="What --out was for every part.")],
    overwrite: run.Overwrite = False,
) -> None:
    """Join the results of all parts of a batch that was predicted by --shard: the tables of one run."""
    from zoo.prediction.shards import merge as join

    say(f"merged into {join(folder, overwrite=overwrite)}")


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("predict")(predict)
    app.command("merge")(merge)
