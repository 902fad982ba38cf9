"""Train one row of a table of docs/methods.md, or collect the rows that were trained.

    python ci/methods_table.py run sunnybrook-labels mean-teacher --seed 0 --data DATA --runs RUNS [--backend torch]
    python ci/methods_table.py collect --runs RUNS

DATA: the folder of the data set that the table names, with whole masks; what the table takes away is taken away here,
by a seed of its own, so that all rows and seeds see the same labels. A row is trained through `zoo train`, and tested
once, at its end, on whole masks. `baseline` and `ceiling` are rows, too: the labelled part alone, and all of it.
The rows stand in docs/methods.md between two marks; every log is copied to checkpoints/methods/.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scipy import stats

from zoo.evaluation import read_results

ROOT = Path(__file__).resolve().parents[1]
PAGE, LOGS = ROOT / "docs" / "methods.md", ROOT / "checkpoints" / "methods"
DRAWN = "7"  # seed of what is taken away from the data


@dataclass(frozen=True)
class Table:
    """One comparison: what is made worse, the entry, and how every row of it is trained."""

    title: str
    entry: str
    variant: str
    methods: tuple[str, ...]
    baseline: str  # the method of the row `baseline`
    worse: tuple[str, ...]  # options of zoo degrade
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)  # --method-option of a row
    batch: str = "8"  # labelled images of a step; methods with images without a mask get as many more
    recipe: tuple[str, ...] = ()  # of zoo train
    repeats: str = "1"  # times a labelled image is drawn per epoch, so that few make as many steps as all of them


HEART = ("--learning-rate", "0.002", "--ema-decay", "0.99")
SEMI = ("entropy-minimisation", "mean-teacher", "uamt", "urpc", "cct", "cps", "mc-net")
WEAK = ("entropy", "total-variation", "mumford-shah", "gated-crf", "ustm", "dmpls", "dmsps", "psseg")
NOISY = ("loss:gce", "loss:mae", "loss:noise-robust-dice", "confident-learning", "co-teaching", "trinet", "dast")
TOLD = ("dast",)  # learns which masks are wrong, as the split `noisy`
WRONG = ("noise_share=0.3",)
TABLES = {
    "sunnybrook-labels": Table(
        "Left ventricle, 10 % of the patients labelled",
        *("2D-UNet", "small-heart", SEMI, "supervised", ("--labelled-share", "0.1")),
        recipe=(*HEART, "--epochs", "20"),
        repeats="12",
    ),
    "sunnybrook-scribbles": Table(
        "Left ventricle, scribbles",
        *("2D-UNet", "small-heart", WEAK, "partial-cross-entropy", ("--scribbles",)),
        recipe=(*HEART, "--epochs", "20"),
    ),
    "sunnybrook-noise": Table(
        "Left ventricle, 60 % of the masks wrong",
        *("2D-UNet", "small-heart", NOISY, "loss:cross-entropy", ("--noise", "--share", "0.6")),
        options={"co-teaching": WRONG, "trinet": WRONG},
        recipe=(*HEART, "--epochs", "20"),
    ),
    "hippocampus-labels": Table(
        "Hippocampus, 10 labelled volumes",
        *("3D-UNet", "small", ("mean-teacher", "cps"), "supervised", ("--labelled-share", "0.055")),
        batch="2",
        recipe=("--epochs", "20"),
        repeats="18",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run")
    run.add_argument("table", choices=TABLES)
    run.add_argument("row")
    run.add_argument("--seed", default="0")
    run.add_argument("--data", type=Path, required=True)
    run.add_argument("--backend", default="torch")
    for command in (run, commands.add_parser("collect")):
        command.add_argument("--runs", type=Path, required=True)
    arguments, more = parser.parse_known_args()
    if arguments.command == "run":
        train_row(arguments, more)
    else:
        collect(arguments.runs)


def train_row(asked: argparse.Namespace, more: Sequence[str]) -> None:
    """Train one row with one seed, unless it was; a run that was stopped goes on."""
    table = TABLES[asked.table]
    out = asked.runs / f"{asked.table}-{asked.row.replace(':', '-')}-{asked.backend}-{asked.seed}"
    if (out / "test" / "cases.csv").exists():
        print(f"{out}: is there already")
        return
    command = command_of(table, asked.row, data_of(table, asked, asked.table), out, asked.seed, asked.backend)
    resume = ["--resume"] if (out / "settings.json").exists() else []
    subprocess.run([sys.executable, "-m", "zoo", *command, *resume, *more], check=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    shutil.copy(out / "log.jsonl", LOGS / f"{out.name}.log.jsonl")


def data_of(table: Table, asked: argparse.Namespace, name: str) -> Path:
    """Return the data of a row: as it is for the ceiling, else made worse, once per table."""
    if asked.row == "ceiling":
        return Path(asked.data)
    is_told = asked.row in TOLD
    worse = Path(asked.runs) / f"data-{name}{'-told' * is_told}"
    if not worse.exists():
        begun = worse.with_name(f"{worse.name}.part")
        shutil.rmtree(begun, ignore_errors=True)
        command = [
            "degrade",
            str(asked.data),
            "--out",
            str(begun),
            *table.worse,
            "--seed",
            DRAWN,
            *["--tell"] * is_told,
        ]
        subprocess.run([sys.executable, "-m", "zoo", *command], check=True)
        begun.rename(worse)
    return worse


def command_of(table: Table, row: str, data: Path, out: Path, seed: str, backend: str) -> list[str]:
    """Return the arguments of `zoo` that train a row."""
    way = {"baseline": table.baseline, "ceiling": "supervised"}.get(row, row)
    mixed = way in (*SEMI, *TOLD)
    batch = str(2 * int(table.batch)) if mixed else table.batch
    start = ["--checkpoint", "none", "--variant", table.variant, "--backend", backend]
    told = ["--loss", way.removeprefix("loss:")] if way.startswith("loss:") else ["--method", way]
    options = [word for option in table.options.get(way, ()) for word in ("--method-option", option)]
    place = ["--data", str(data), "--out", str(out), "--seed", seed, "--batch-size", batch]
    often = ["--repeats", table.repeats] if row != "ceiling" else []  # the ceiling has as many steps without
    return ["train", table.entry, *start, *place, *table.recipe, *often, *told, *options]


def collect(runs: Path) -> None:
    """Write all tables into docs/methods.md from the folders of runs that came to their end."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        begin, end = f"<!-- table {name} -->", f"<!-- end {name} -->"
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n{table_of(name, table, runs)}{end}{rest.split(end, 1)[1]}"
    PAGE.write_text(text, encoding="utf-8")


def table_of(name: str, table: Table, runs: Path) -> str:
    """Return the rows of a table in Markdown; Dice of the test split, mean over cases, then mean and range of seeds."""
    rows = {row: scores_of(runs, name, row) for row in ("baseline", *table.methods, "ceiling")}
    base = rows["baseline"]
    lines = ["| row | Dice | against the baseline, paired | seeds |", "|---|---|---|---|"]
    for row, seeds in rows.items():
        if not seeds:
            lines.append(f"| {row} | not trained yet | | |")
            continue
        means = [statistics.mean(scores.values()) for scores in seeds.values()]
        spread = f" ({min(means):.3f} to {max(means):.3f})" if len(means) > 1 else ""
        lines.append(f"| {row} | {statistics.mean(means):.3f}{spread} | {paired(seeds, base, row)} | {len(means)} |")
    return "\n".join(lines) + "\n"


def scores_of(runs: Path, table: str, row: str) -> dict[str, dict[str, float]]:
    """Return the Dice of each test case, by seed and name of the case, of PyTorch's runs."""
    found = {}
    for folder in sorted(runs.glob(f"{table}-{row.replace(':', '-')}-torch-*")):
        if (folder / "test" / "cases.csv").exists():
            rows: list[dict[str, Any]] = list(read_results(folder / "test").rows)
            name = next(key for key in rows[0] if key.startswith("dice"))
            scores = {str(case["name"]): float(case[name]) for case in rows}
            found[folder.name.rsplit("-", 1)[1]] = {case: value for case, value in scores.items() if value == value}
    return found


def paired(seeds: dict[str, dict[str, float]], base: dict[str, dict[str, float]], row: str) -> str:
    """Compare case by case over the seeds that both rows have: mean difference, p of signed ranks."""
    common = [(seeds[s][case], base[s][case]) for s in seeds if s in base for case in seeds[s] if case in base[s]]
    if row == "baseline" or not common:
        return "-"
    differences = [first - second for first, second in common]
    p = stats.wilcoxon(differences).pvalue if any(differences) else 1.0
    return f"{statistics.mean(differences):+.3f}, p {json.dumps(round(float(p), 4))}"


if __name__ == "__main__":
    main()
