"""The commands about weight files and the installation: download, publish, verify, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from zoo.cli import completion
from zoo.cli.output import AsJson, echo, failed, print_json, print_table, say, table_of

STYLES = {
    "right": "green",
    "ok": "green",
    "absent": "yellow",
    "warn": "yellow",
    "wrong": "bold red",
    "fail": "bold red",
}


def download(
    name: Annotated[
        str | None, typer.Argument(help="An algorithm, as in `zoo list`.", autocompletion=completion.names)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The checkpoints of every algorithm.")] = False,
    checkpoint: Annotated[
        str | None, typer.Option(help="Only this one, as in `zoo info`.", autocompletion=completion.checkpoints)
    ] = None,
) -> None:
    """Bring trained weights to this machine and print where they are."""
    if (name is None) != everything:
        raise typer.BadParameter("give an algorithm, or --all for every one")
    from zoo.weights.places import download as fetch

    paths = fetch(name, checkpoint)
    for path in paths:
        echo(str(path))
    if not paths:
        say(f"{name or 'the registry'} has no trained weights yet; zoo.load(..., checkpoint=None) gives random ones")


def verify(
    name: Annotated[
        str | None, typer.Argument(help="An algorithm; all of them if left out.", autocompletion=completion.names)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the SHA-256 of every weight file on this machine; exit code 1 when one is wrong."""
    from zoo.registry import find, load_registry
    from zoo.weights.places import verify as check

    entries = [find(name)] if name is not None else list(load_registry().values())
    findings = [(entry.name, finding) for entry in entries for finding in check(entry)]
    if as_json:
        print_json([{"name": owner, **vars(f), "path": str(f.path)} for owner, f in findings])
    else:
        table = table_of("name", "checkpoint", "state", "file", "remark", prose=["file", "remark"])
        for owner, f in findings:
            table.add_row(owner, f.checkpoint, Text(f.state, STYLES[f.state]), str(f.path), f.detail)
        print_table(table)
    wrong = [f for _, f in findings if f.state == "wrong"]
    if wrong:
        failed(f"{len(wrong)} of {len(findings)} files are not the registered ones; delete them, then `zoo download`")
        raise typer.Exit(1)


def publish(
    repository: Annotated[str, typer.Argument(metavar="REPO_ID", help="The hub repository, owner/name.")],
    root: Annotated[Path, typer.Option(help="A checkout, with registry.yaml and checkpoints/.")] = Path(),
) -> None:
    """Upload the registered weights with a card to a hub repository (for maintainers)."""
    from zoo.weights.publish import publish as upload

    published = upload(repository, root=root)
    say(f"{len(published.files)} files read back and right in {published.repository}, commit {published.commit}")


def adopt(
    weights: Annotated[Path, typer.Argument(help="A .safetensors file, or .pt, .pth, .bin of torch.save.")],
    algorithm: Annotated[
        str, typer.Option(help="Whose network they are for, as in `zoo list`.", autocompletion=completion.names)
    ],
    out: Annotated[Path, typer.Option(help="The checkpoint to write, .safetensors.")],
    variant: Annotated[str, typer.Option(help="The network: small, paper, ...", autocompletion=completion.variants)],
    rename: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="Replace a prefix of the names; repeat for several.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help='A field of the network, such as classes=["a","b"].')
    ] = None,
    backend: Annotated[str | None, typer.Option(help="torch or mindspore; the first installed if left out.")] = None,
) -> None:
    """Make a checkpoint of another program's weights; names and shapes are checked, nothing in them is executed."""
    from zoo import load
    from zoo.cli.options import parse_options

    prefixes = dict(text.partition("=")[::2] for text in rename or [])
    options = parse_options(option or [])
    if out.exists():
        raise typer.BadParameter(f"--out {out}: is there already; give another name")
    model = load(algorithm, backend=backend, variant=variant, state_dict=weights, rename=prefixes, **options)
    say(f"{weights} fits {model.name} ({variant}); written to {model.save(out)}")


def doctor(as_json: AsJson = False) -> None:
    """Say what is installed, which devices are there, whether the weights are right, and what to do."""
    from zoo.doctor import diagnose, is_healthy

    checks = diagnose()
    if as_json:
        print_json([vars(check) for check in checks])
    else:
        table = table_of("checked", "state", "found", "what to do", prose=["found", "what to do"])
        for check in checks:
            table.add_row(check.name, Text(check.state, STYLES[check.state]), check.what, check.remedy)
        print_table(table)
    if not is_healthy(checks):
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command, name in (
        (download, "download"),
        (adopt, "adopt"),
        (publish, "publish"),
        (verify, "verify"),
        (doctor, "doctor"),
    ):
        app.command(name)(command)
