"""The commands that run a network: predict, train, evaluate, benchmark; and the one that compares two evaluations."""

from __future__ import annotations

import json
import shlex
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli import completion
from zoo.cli.data import Data, Images, Masks, data_of, shown_name
from zoo.cli.output import AsJson, echo, failed, print_json, print_table, print_traceback, say, table_of
from zoo.cli.recipe import read_augmentation, with_recipe_options
from zoo.cli.scores import interval_of, more_tables, number_of, scores_table
from zoo.common.errors import ConfigError, UnexpectedError, ZooError

Name = Annotated[str, typer.Argument(help="An algorithm, as in `zoo list`.", autocompletion=completion.names)]
Backend = Annotated[
    str | None,
    typer.Option(
        help="torch, mindspore, nvidia or ascend; the first installed if left out.", autocompletion=completion.backends
    ),
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, ascend; the best present if left out.")]
CheckpointOption = Annotated[
    str,
    typer.Option(
        help="A name from `zoo info`, a .safetensors file, or `none` for random weights.",
        autocompletion=completion.checkpoints,
    ),
]
Layout = Annotated[str | None, typer.Option(help="Layout of the data; recognised if left out.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Images per forward pass.")]
PixelSize = Annotated[
    str | None,
    typer.Option(metavar="MM", help="Size of a pixel where the files do not say it: 0.5, or 0.5,0.4, or 3,0.5,0.5."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier run wrote into --out.")]
Views = Annotated[bool, typer.Option("--tta", help="Average over mirrored views of each image.")]
Options = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the algorithm; repeat for several.")
]
SHOWN = 20  # predictions printed one by one


def predict(
    name: Name,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Images, folders or globs.")],
    out: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Write predictions.json, .jsonl and .csv, masks/ and overlays/ here."),
    ] = None,
    overwrite: Overwrite = False,
    backend: Backend = None,
    device: Device = None,
    checkpoint: CheckpointOption = "default",
    batch_size: BatchSize = 8,
    spacing_mm: PixelSize = None,
    overlays: Annotated[bool, typer.Option(help="Draw each prediction over its image.")] = True,
    tta: Views = False,
    option: Options = None,
    as_json: AsJson = False,
) -> None:
    """Predict images; the bad ones are listed at the end.

    Exit codes: 0 all predicted, 1 some or all not, 2 wrong usage, 130 interrupted; what was finished is kept in --out.
    """
    from zoo.prediction.many import predict_many
    from zoo.prediction.sources import images

    found, options = images(inputs, parse_spacing(spacing_mm)), parse_options(option or [])
    model = _load(name, backend, device, checkpoint)
    results = predict_many(
        model, found, out, batch_size=batch_size, overlays=overlays, tta=tta, overwrite=overwrite, options=options
    )
    if as_json:
        print_json(results.to_dict())
    else:
        _show(results.lines)
    say(f"{len(results.lines)} of {len(found)} images predicted{f', written to {out}' if out else ''}")
    if results.out_of_scope:
        say(f"{results.out_of_scope} out of scope: unlike the images of the training, their answers may be worthless")
    _tell([error for _, error in results.failures])
    if results.failures:
        raise typer.Exit(1)


def _show(lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        echo(line)
    if len(lines) > SHOWN:
        say(f"... and {len(lines) - SHOWN} more")


def _tell(failures: list[ZooError]) -> None:
    """Print what failed; of bugs the traceback, too, once for each kind."""
    seen = set()
    for error in failures:
        cause = error.__cause__ if isinstance(error, UnexpectedError) else None
        if cause is not None and (kind := (type(cause), traceback.format_tb(cause.__traceback__)[-1:][0])) not in seen:
            seen.add(kind)
            print_traceback(cause)
        failed(str(error))


@with_recipe_options
def train(
    name: Name,
    out: Annotated[Path, typer.Option(help="Folder of the run: log, checkpoints, curves.")],
    data: Data = None,
    images: Images = None,
    masks: Masks = None,
    layout: Layout = None,
    variant: Annotated[
        str | None,
        typer.Option(help="Network for random weights: small, paper, ...", autocompletion=completion.variants),
    ] = None,
    checkpoint: CheckpointOption = "default",
    init: Annotated[str | None, typer.Option(help="Start from published weights: imagenet, coco.")] = None,
    backend: Backend = None,
    device: Device = None,
    resume: Annotated[bool, typer.Option(help="Continue the run in --out.")] = False,
    augment: Annotated[
        str | None, typer.Option(metavar="OPTION=VALUE,...", help="Changes of the samples, see `zoo recipe`; or none.")
    ] = None,
    **recipe: Any,
) -> None:
    """Train or fine-tune an algorithm; Ctrl-C saves, --resume continues."""
    start, given = {"init": init} if init else {}, data_of(data, images, masks)
    model = _load(name, backend, device, checkpoint, variant=variant, seed=recipe.get("seed", 0), **start)
    try:
        report = model.train(given, out=out, layout=layout, resume=resume, augment=read_augmentation(augment), **recipe)
    except KeyboardInterrupt:
        again = [argument for argument in sys.argv[1:] if argument != "--resume"]
        say(f"to continue: {shlex.join(['zoo', *again, '--resume'])}")
        raise
    say(f"best after epoch {report.best_epoch}: {model.algorithm.monitor} {report.best_score:.4f}, in {report.best}")
    if report.test is not None:
        print_table(scores_table(report.test, f"{model.name}, test split"))


def evaluate(
    name: Name,
    data: Data = None,
    images: Images = None,
    masks: Masks = None,
    split: Annotated[str, typer.Option(help="Which part of the data.")] = "test",
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Write tables and pictures of the scores here.")
    ] = None,
    overwrite: Overwrite = False,
    layout: Layout = None,
    backend: Backend = None,
    device: Device = None,
    checkpoint: CheckpointOption = "default",
    batch_size: BatchSize = 8,
    tta: Views = False,
    by: Annotated[
        str | None,
        typer.Option(metavar="COLUMN,...", help="The same per subgroup: sex,scanner,site or any column or DICOM tag."),
    ] = None,
    at_sensitivity: Annotated[
        float | None, typer.Option(help="Choose the threshold that reaches this on validation, and report it.")
    ] = None,
    at_specificity: Annotated[float | None, typer.Option(help="The same for the specificity.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score a model on labelled data, beside the trivial baseline; --out also writes report.html."""
    given = data_of(data, images, masks)
    model = _load(name, backend, device, checkpoint)
    files = {"split": split, "layout": layout, "out": out, "overwrite": overwrite}
    more = {"by": by or (), "at_sensitivity": at_sensitivity, "at_specificity": at_specificity}
    result = model.evaluate(given, batch_size=batch_size, tta=tta, **files, **more)
    if as_json:
        print_json(result.to_dict())
        return
    print_table(scores_table(result, f"{model.name}, {split} split of {shown_name(given)}, {len(result.rows)} cases"))
    for table in more_tables(result):
        print_table(table)
    if out is not None:
        say(f"tables, pictures and report.html written to {out}")


def compare(
    first: Annotated[Path, typer.Argument(help="A folder that `zoo evaluate --out` wrote, or its cases.csv.")],
    second: Annotated[Path, typer.Argument(help="The same of another model on the same cases.")],
    as_json: AsJson = False,
) -> None:
    """Compare two models case by case: first minus second, with 95 % intervals and paired tests."""
    from zoo.evaluation import read_results

    rows = read_results(first).compare(read_results(second))
    if as_json:
        print_json(rows)
        return
    tests = {"p": "p (signed ranks)", "p_sign": "p (signs)"}
    tests |= {"p_delong": "p (DeLong)"} if any("p_delong" in row for row in rows) else {}
    heads = ("metric", str(first), str(second), "difference", "95 % interval", *tests.values(), "cases")
    table = table_of(*heads, title=f"{first} minus {second}")
    for row in rows:
        shown = [number_of(row.get(name)) for name in ("first", "second", "difference")]
        told = ["< 0.0001" if float(row.get(p, 1)) < 1e-4 else number_of(row.get(p)) for p in tests]
        used = f"{row['used']:.0f}" if "used" in row else "all"
        table.add_row(str(row["metric"]), *shown, interval_of(row), *told, used)
    print_table(table)


def benchmark(
    name: Name,
    backend: Annotated[
        list[str] | None,
        typer.Option(help="Repeat for several; all installed if left out.", autocompletion=completion.backends),
    ] = None,
    device: Device = None,
    variant: Annotated[
        str | None,
        typer.Option(
            help="Random weights of this network instead of the checkpoint.", autocompletion=completion.variants
        ),
    ] = None,
    repeats: Annotated[int, typer.Option(min=3, help="Timed rounds; the frameworks take turns.")] = 9,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; all cores if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure latency, throughput, memory and cold start on this machine, per framework."""
    from zoo.benchmark import benchmark as measure
    from zoo.benchmark import benchmark_table

    result = measure(name, backends=backend, device=device, variant=variant, repeats=repeats, threads=threads)
    if as_json:
        print_json(result)
        return
    print_table(benchmark_table(result))


def parse_spacing(text: str | None) -> tuple[float, ...] | float | None:
    """Read one number, or several with commas between them."""
    if text is None:
        return None
    try:
        values = tuple(float(value) for value in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--spacing-mm {text}: expected millimetres: 0.5, or 0.5,0.4, or 3,0.5,0.5") from None
    return values[0] if len(values) == 1 else values


def parse_options(pairs: list[str]) -> dict[str, Any]:
    """Read KEY=VALUE pairs: true and false, numbers, anything else as text; ConfigError without an `=`."""
    options: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise ConfigError(f"--option {pair}: expected KEY=VALUE, for example largest_component=true")
        try:
            options[key.replace("-", "_")] = json.loads(text)
        except ValueError:
            options[key.replace("-", "_")] = text
    return options


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command, name in (
        (predict, "predict"),
        (train, "train"),
        (evaluate, "evaluate"),
        (compare, "compare"),
        (benchmark, "benchmark"),
    ):
        app.command(name)(command)


def _load(name: str, backend: str | None, device: str | None, checkpoint: str, **more: Any) -> Any:
    import zoo

    weights = None if checkpoint.lower() == "none" else checkpoint
    return zoo.load(name, backend=backend, device=device, checkpoint=weights, **more)
