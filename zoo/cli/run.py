"""The commands that train and score a network: train, evaluate, benchmark; and the one that compares evaluations."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli import completion, options
from zoo.cli.data import Data, Images, Masks, data_of, shown_name
from zoo.cli.output import AsJson, print_json, print_table, say, table_of
from zoo.cli.recipe import read_augmentation, read_options, with_recipe_options
from zoo.cli.scores import interval_of, more_tables, number_of, scores_table

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
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier run wrote into --out.")]
Augment = Annotated[
    str | None, typer.Option(metavar="OPTION=VALUE,...", help="Changes of the samples, see `zoo recipe`; or none.")
]
Variant = Annotated[
    str | None,
    typer.Option(help="Network for random weights: small, paper, ...", autocompletion=completion.variants),
]
MethodName = Annotated[str, typer.Option(help="What a step is, see `zoo methods`.", autocompletion=completion.methods)]
MethodOption = Annotated[
    list[str] | None, typer.Option(metavar="OPTION=VALUE", help="Of the method, see `zoo methods show NAME`.")
]
ScoresFolder = Annotated[
    str | None, typer.Option(metavar="FOLDER", help="Write tables and pictures of the scores here.")
]
AtSensitivity = Annotated[
    float | None, typer.Option(help="Choose the threshold that reaches this on validation, and report it.")
]
AtSpecificity = Annotated[float | None, typer.Option(help="The same for the specificity.")]
Views = Annotated[bool, typer.Option("--tta", help="Average over mirrored views of each image.")]


@with_recipe_options
def train(
    name: Name,
    out: Annotated[Path, typer.Option(help="Folder of the run: log, checkpoints, curves.")],
    data: Data = None,
    images: Images = None,
    masks: Masks = None,
    layout: Layout = None,
    variant: Variant = None,
    checkpoint: CheckpointOption = "default",
    init: Annotated[str | None, typer.Option(help="Start from published weights: imagenet, coco.")] = None,
    backend: Backend = None,
    device: Device = None,
    resume: Annotated[bool, typer.Option(help="Continue the run in --out.")] = False,
    window: options.Window = None,
    option: options.Fields = None,
    augment: Augment = None,
    method: MethodName = "supervised",
    method_option: MethodOption = None,
    snapshots: Annotated[int, typer.Option(min=0, help="Draw so many validation cases after every epoch.")] = 0,
    **recipe: Any,
) -> None:
    """Train or fine-tune an algorithm; Ctrl-C saves, --resume continues. --window, --option stay with the weights."""
    from zoo.training.together import together

    start, given = {"init": init} if init else {}, data_of(data, images, masks)
    start |= options.parsed(option, window)
    model = load_model(name, backend, device, checkpoint, variant=variant, seed=recipe.get("seed", 0), **start)
    try:
        way = {"method": method, "method_options": read_options(method_option, "--method-option")}
        how = {"layout": layout, "resume": resume, "augment": read_augmentation(augment), "snapshots": snapshots}
        with together(model) as leads:
            if not leads:
                return
            report = model.train(given, out=out, **how, **way, **recipe)
    except KeyboardInterrupt:
        say(f"to continue: {shlex.join(['zoo', *(a for a in sys.argv[1:] if a != '--resume'), '--resume'])}")
        raise
    say(f"best after epoch {report.best_epoch}: {model.algorithm.monitor} {report.best_score:.4f}, in {report.best}")
    if report.test is not None:
        print_table(scores_table(report.test, f"{model.name}, test split"))


@with_recipe_options
def pretrain(
    name: Name,
    images: Annotated[Path, typer.Option(metavar="FOLDER", help="Pictures or volumes, in any folders below.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; start from its best.safetensors with --checkpoint.")],
    variant: Annotated[str | None, typer.Option(help="Network: small, paper, ...")] = None,
    option: options.Fields = None,
    backend: Backend = None,
    device: Device = None,
    resume: Annotated[bool, typer.Option(help="Continue the run in --out.")] = False,
    method: MethodName = "models-genesis",
    method_option: MethodOption = None,
    **recipe: Any,
) -> None:
    """Train on images alone, for weights that `zoo train --checkpoint` starts from."""
    chosen = {"variant": variant, "seed": recipe.get("seed", 0), **options.parsed(option, None)}
    model = load_model(name, backend, device, "none", **chosen)
    options_of_method = read_options(method_option, "--method-option")
    report = model.pretrain(images, out=out, method=method, method_options=options_of_method, resume=resume, **recipe)
    say(f"to go on from here: zoo train {name} --checkpoint {report.best} --data ...")


def evaluate(
    name: Name,
    data: Data = None,
    images: Images = None,
    masks: Masks = None,
    split: Annotated[str, typer.Option(help="Which part of the data.")] = "test",
    out: ScoresFolder = None,
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
    at_sensitivity: AtSensitivity = None,
    at_specificity: AtSpecificity = None,
    window: options.Window = None,
    option: options.Options = None,
    as_json: AsJson = False,
) -> None:
    """Score a model on labelled data, beside the trivial baseline; --out also writes report.html."""
    given = data_of(data, images, masks)
    model = load_model(name, backend, device, checkpoint)
    files = {"split": split, "layout": layout, "out": out, "overwrite": overwrite}
    aims = {"by": by or (), "at_sensitivity": at_sensitivity, "at_specificity": at_specificity}
    asked = options.parsed(option, window)
    result = model.evaluate(given, batch_size=batch_size, tta=tta, **files, **aims, **asked)
    if as_json:
        print_json(result.to_dict())
        return
    title = f"{model.name}, {split} split of {shown_name(given)}, {len(result.rows)} cases"
    for table in (scores_table(result, title), *more_tables(result)):
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


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command, name in (
        (train, "train"),
        (pretrain, "pretrain"),
        (evaluate, "evaluate"),
        (compare, "compare"),
        (benchmark, "benchmark"),
    ):
        app.command(name)(command)


def load_model(name: str, backend: str | None, device: str | None, checkpoint: str, **more: Any) -> Any:
    """Load a model; `none` means random weights."""
    import zoo

    weights = None if checkpoint.lower() == "none" else checkpoint
    return zoo.load(name, backend=backend, device=device, checkpoint=weights, **more)
