"""The command that looks at a run while it is trained, or afterwards: curves, scores, the time that is left."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from zoo.cli.output import AsJson, console, echo, print_json
from zoo.cli.plot import LABEL, plot
from zoo.common.files.names import printable
from zoo.common.numbers import written

if TYPE_CHECKING:
    from zoo.training.watched import Watched

EVERY_S = 1.0
WIDTH, NARROW, HEIGHT, GAP = 44, 10, 8, 3  # of a curve, in characters: at most, at least; and between two
SHOWN = 12  # scores of an epoch
STYLES = {"running": "green", "finished": "bold green", "stopped": "bold red", "not running": "yellow"}


def watch(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A folder of `zoo train --out`.")],
    once: Annotated[bool, typer.Option("--once", help="Print how it stands, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Follow a run: curves, last scores, time left; ends with it, or by Ctrl-C. Without a terminal it prints once."""
    from zoo.training.watched import read_run

    run = read_run(folder)
    if as_json:
        print_json(run.to_dict())
        return
    screen = console()
    if not screen.is_terminal:
        for line in lines_of(run):
            echo(line)
        return
    if once or not goes_on(run):
        screen.print(picture_of(run, can_draw(screen.encoding), screen.width))
        return
    _follow(run, screen)


def _follow(run: Watched, screen: Console) -> None:
    """Draw the run anew each second until it is over."""
    from zoo.training.watched import read_run

    is_fine = can_draw(screen.encoding)
    try:
        with Live(picture_of(run, is_fine, screen.width), console=screen, auto_refresh=False) as live:
            while goes_on(run):
                time.sleep(EVERY_S)
                run = read_run(run.folder)
                live.update(picture_of(run, is_fine, screen.width), refresh=True)
    except KeyboardInterrupt:  # the watcher's own end, which is none of the run
        return


def goes_on(run: Watched) -> bool:
    """Tell whether there is more to come."""
    return run.state in ("running", "held on another machine")


def can_draw(encoding: str) -> bool:
    """Tell whether a terminal has the characters that curves are made of."""
    try:
        "⣿▁".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def lines_of(run: Watched) -> list[str]:
    """Return the state as lines of name and value, with tabs between them."""
    best = run.best
    told = {
        "run": printable(str(run.folder)),
        "state": run.state + (f": {printable(run.reason)}" if run.reason else ""),
        "algorithm": " ".join(filter(None, (printable(run.name), f"in {run.framework}" if run.framework else ""))),
        "epoch": f"{run.epoch} of {run.epochs}" if run.epochs else str(run.epoch),
        "time left": duration(run.left_s) if run.left_s is not None else "",
        "loss": written(run.losses[-1]) if run.records else "",
        f"best {printable(run.monitor)}": f"{best[1]:.4f} after epoch {best[0]}" if best else "",
    }
    scores = {f"validation {printable(name)}": written(value) for name, value in run.metrics.items()}
    test = {f"test {printable(name)}": written(value) for name, value in run.test.items()}
    return [f"{name}\t{value}" for name, value in {**told, **scores, **test}.items() if value]


def picture_of(run: Watched, is_fine: bool, columns: int) -> RenderableType:
    """Return the state as a terminal shows it: a line of facts, the curves, the scores."""
    parts: list[RenderableType] = [Text(printable(str(run.folder)), style="bold"), _facts(run)]
    if run.reason:
        parts.append(Text(printable(run.reason), style="yellow"))
    if len(run.records) > 1 and is_fine:
        parts.append(_curves(run, columns))
    if run.metrics:
        parts.append(_scores(run))
    return Group(*parts)


def _facts(run: Watched) -> Text:
    found = Text()
    found.append(run.state, style=STYLES.get(run.state, "yellow"))
    if run.name:
        found.append(f"  {printable(run.name)} in {printable(run.framework)}")
    found.append(f"  epoch {run.epoch}" + (f" of {run.epochs}" if run.epochs else ""))
    if run.left_s is not None:
        found.append(f"  {duration(run.left_s)} left")
    if goes_on(run) and run.records:
        found.append(f"  last epoch ended {duration(run.since_s)} ago")
    if best := run.best:
        found.append(f"  best {printable(run.monitor)} {best[1]:.4f}, epoch {best[0]}", style="bold")
    return found


def _curves(run: Watched, columns: int) -> Table:
    grid = Table.grid(padding=(0, GAP))
    curves = [(f"validation {printable(run.monitor)}", run.scores), ("training loss", run.losses)]
    if any(value == value for value in run.unseen):
        curves.append(("validation loss", run.unseen))
    width = max(NARROW, min(WIDTH, columns // len(curves) - LABEL - GAP - 1))
    for _ in curves:
        grid.add_column(no_wrap=True)
    grid.add_row(*(Text("\n".join([title, *plot(values, width, HEIGHT)])) for title, values in curves))
    return grid


def _scores(run: Watched) -> Table:
    table = Table("score", "validation, last epoch", *(["test, best weights"] if run.test else []))
    for name, value in list(run.metrics.items())[:SHOWN]:
        tested = [written(run.test.get(name, float("nan")))] if run.test else []
        table.add_row(Text(printable(name)), written(value), *tested)
    if len(run.metrics) > SHOWN:
        table.add_row(f"and {len(run.metrics) - SHOWN} more", "", *([""] if run.test else []))
    return table


def duration(seconds: float) -> str:
    """Write a time as people do, in its two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("watch")(watch)
