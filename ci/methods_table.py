"""Train one row of a table of docs/methods.md, or collect the rows that were trained.

    python ci/methods_table.py run sunnybrook-labels mean-teacher --seed 0 --data DATA --runs RUNS [--short]
    python ci/methods_table.py collect --runs RUNS

DATA: the folder of the data set that the table names, with whole masks; what the table takes away is taken away here,
by a seed of its own, so that all rows and seeds see the same labels. A row is trained through `zoo train`, and tested
once, at its end, on whole masks. `baseline` and `ceiling` are rows, too: the labelled part alone, and all of it.
`start:METHOD` is the baseline from weights that `zoo pretrain` learned from the training images alone, once per table.
`expanded:METHOD` is the baseline on scribbles that `zoo expand` made wider by the run of METHOD with the same seed.
`--short` trains a few epochs, to lay both frameworks (`--backend`) side by side. The rows stand in docs/methods.md
between two marks; every log is copied to checkpoints/methods/.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from methods_tables import SEMI, TABLES, TOLD, Table
from PIL import Image
from scipy import stats

from zoo.evaluation import read_results

ROOT = Path(__file__).resolve().parents[1]
PAGE, LOGS = ROOT / "docs" / "methods.md", ROOT / "checkpoints" / "methods"
Cases = dict[str, tuple[str, float]]  # patient and Dice by the name of a case
DRAWN = "7"  # seed of what is taken away from the data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run")
    run.add_argument("table", choices=TABLES)
    run.add_argument("row")
    run.add_argument("--seed", default="0")
    run.add_argument("--data", type=Path, required=True)
    run.add_argument("--backend", default="torch")
    run.add_argument("--short", action="store_true")
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
    out = (
        asked.runs / f"{'short-' * asked.short}{asked.table}-{asked.row.replace(':', '-')}-{asked.backend}-{asked.seed}"
    )
    if (out / "test" / "cases.csv").exists():
        print(f"{out}: is there already")
        return
    data, seen = data_of(table, asked), asked.row
    if seen.startswith("expanded:"):
        data, seen = expanded(table, seen.removeprefix("expanded:"), data, asked), "baseline"
    way = {"baseline": table.baseline, "ceiling": ceiling_way(table)}.get(seen, seen)
    start = "none"
    if way.startswith("start:"):
        start, way = str(pretrained(table, way.removeprefix("start:"), data, asked)), table.baseline
    command = [
        "train",
        table.entry,
        *told(table, way),
        "--checkpoint",
        start,
        "--data",
        str(data),
        *recipe_of(table, asked),
    ]
    command += ["--variant", table.variant] if start == "none" else []
    command += ["--out", str(out), "--seed", asked.seed, "--backend", asked.backend]
    run_zoo(*command, *["--resume"] * (out / "settings.json").exists(), *more)
    LOGS.mkdir(parents=True, exist_ok=True)
    shutil.copy(out / "log.jsonl", LOGS / f"{out.name}.log.jsonl")


def run_zoo(*command: str) -> None:
    """Run a command of the zoo to its end."""
    subprocess.run([sys.executable, "-m", "zoo", *command], check=True)


def ceiling_way(table: Table) -> str:
    """Return how a table's ceiling learns from all masks: by the baseline's loss, where that is what is compared."""
    return table.baseline if table.baseline.startswith("loss:") else "supervised"


def data_of(table: Table, asked: argparse.Namespace) -> Path:
    """Return the data of a row: whole masks for the ceiling, else made worse, once per table."""
    whole = cropped(Path(asked.data), asked.runs, table.crop) if table.crop else Path(asked.data)
    if asked.row == "ceiling":
        return whole
    is_told = asked.row in TOLD
    worse = Path(asked.runs) / f"data-{asked.table}{'-told' * is_told}"
    if not worse.exists():
        begun = worse.with_name(f"{worse.name}.part")
        shutil.rmtree(begun, ignore_errors=True)
        tell = ["--tell"] * is_told
        run_zoo("degrade", str(whole), "--out", str(begun), *table.worse, "--seed", DRAWN, *tell)
        begun.rename(worse)
    return worse


def cropped(data: Path, runs: Path, side: int) -> Path:
    """Return pictures and masks cut to their middle, made once; no cut may take a part of an object away."""
    out = runs / f"{data.name}-{side}"
    if not out.exists():
        begun = out.with_name(f"{out.name}.part")
        shutil.rmtree(begun, ignore_errors=True)
        for kind in ("images", "masks"):
            (begun / kind).mkdir(parents=True)
            for path in sorted((data / kind).glob("*.png")):
                picture = Image.open(path)
                left, top = (picture.width - side) // 2, (picture.height - side) // 2
                cut = picture.crop((left, top, left + side, top + side))
                if kind == "masks" and sum(cut.histogram()[1:]) != sum(picture.histogram()[1:]):
                    raise SystemExit(f"{path}: a part of the object lies outside of the middle {side} px")
                cut.save(begun / kind / path.name)
        shutil.copy(data / "split.csv", begun / "split.csv")
        begun.rename(out)
    return out


def pretrained(table: Table, method: str, data: Path, asked: argparse.Namespace) -> Path:
    """Return weights that were learned from the images of training and without a label, once for all seeds."""
    out = Path(asked.runs) / f"{asked.table}-pretrained-{method}-{asked.backend}"
    images = Path(asked.runs) / f"images-{asked.table}"
    if not (out / "best.safetensors").exists():
        images.mkdir(exist_ok=True)
        with (data / "manifest.csv").open(encoding="utf-8", newline="") as file:
            seen = [data / row["image"] for row in csv.DictReader(file) if row["split"] in ("train", "unlabelled")]
        for path in seen:
            (images / path.name).unlink(missing_ok=True)
            (images / path.name).symlink_to(path.resolve())
        place = ("--images", str(images), "--out", str(out), "--backend", asked.backend)
        run_zoo("pretrain", table.entry, "--variant", table.variant, *place, "--method", method, *table.pretraining)
    return out / "best.safetensors"


def expanded(table: Table, method: str, data: Path, asked: argparse.Namespace) -> Path:
    """Return scribbles that the run of a method with the same seed made wider."""
    run = asked.runs / f"{'short-' * asked.short}{asked.table}-{method}-{asked.backend}-{asked.seed}"
    out = Path(f"{data}-expanded-{run.name}")
    if not (run / "test" / "cases.csv").exists():
        raise SystemExit(f"{run}: did not come to its end; train the row {method} with this seed first")
    if not out.exists():
        begun = out.with_name(f"{out.name}.part")
        shutil.rmtree(begun, ignore_errors=True)
        weights = ("--checkpoint", str(run / "best.safetensors"))
        run_zoo("expand", table.entry, *weights, "--data", str(data), "--out", str(begun), "--backend", asked.backend)
        begun.rename(out)
    return out


def told(table: Table, way: str) -> list[str]:
    """Return the arguments that say what a step of a row is."""
    options = [word for option in table.options.get(way, ()) for word in ("--method-option", option)]
    return ["--loss", way.removeprefix("loss:")] if way.startswith("loss:") else ["--method", way, *options]


def recipe_of(table: Table, asked: argparse.Namespace) -> list[str]:
    """Return the arguments that say how long and how fast a row is trained."""
    batch = 2 * int(table.batch) if asked.row in (*SEMI, *TOLD) else table.batch
    often = ["--repeats", table.repeats] if asked.row != "ceiling" else []  # the ceiling has as many steps without
    return [*table.recipe, "--batch-size", str(batch), *often, *(["--epochs", table.short] if asked.short else [])]


def collect(runs: Path) -> None:
    """Write tables into docs/methods.md from the folders of runs that came to their end; those without any stay."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        if not any(runs.glob(f"{name}-*/test/cases.csv")):
            continue
        begin, end = f"<!-- table {name} -->", f"<!-- end {name} -->"
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n{table_of(name, table, runs)}{end}{rest.split(end, 1)[1]}"
    if any(runs.glob("short-*/test/cases.csv")):
        begin, end = "<!-- short runs -->", "<!-- end of short runs -->"
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n{short_runs(runs)}{end}{rest.split(end, 1)[1]}"
    PAGE.write_text(text, encoding="utf-8")


def table_of(name: str, table: Table, runs: Path) -> str:
    """Return the rows of a table in Markdown; Dice of the test split, mean over cases, then mean and range of seeds."""
    rows = {"baseline": scores_of(runs, table.base or name, "baseline")}
    rows |= {row: scores_of(runs, name, row) for row in table.methods}
    rows["ceiling"] = scores_of(runs, table.ceiling or name, "ceiling")
    base = rows["baseline"]
    lines = [
        "| row | Dice, mean and range of seeds | against the baseline: difference, patients that gain, p | seeds |",
        "|---|---|---|---|",
    ]
    for row, seeds in rows.items():
        if not seeds:
            lines.append(f"| {row} | not trained yet | | |")
            continue
        means = [mean_of(cases) for cases in seeds.values()]
        spread = f" ({min(means):.3f} to {max(means):.3f})" if len(means) > 1 else ""
        lines.append(f"| {row} | {statistics.mean(means):.3f}{spread} | {paired(seeds, base, row)} | {len(means)} |")
    return "\n".join(lines) + "\n"


def short_runs(runs: Path) -> str:
    """Return the runs of a few epochs in Markdown, both frameworks beside each other."""
    lines = ["| table, row | epochs | PyTorch, Dice by seed | MindSpore |", "|---|---|---|---|"]
    for name, table in TABLES.items():
        for row in ("baseline", *table.methods):
            found = {way: scores_of(runs, f"short-{name}", row, way) for way in ("torch", "mindspore")}
            if all(found.values()):
                means = {way: ", ".join(f"{mean_of(cases):.3f}" for cases in found[way].values()) for way in found}
                lines.append(f"| {name}, {row} | {table.short} | {means['torch']} | {means['mindspore']} |")
    return "\n".join(lines) + "\n"


def scores_of(runs: Path, table: str, row: str, backend: str = "torch") -> dict[str, Cases]:
    """Return patient and Dice of each test case by seed, of the runs of a framework, where it is defined."""
    found = {}
    for folder in sorted(runs.glob(f"{table}-{row.replace(':', '-')}-{backend}-*")):
        if (folder / "test" / "cases.csv").exists():
            rows: list[dict[str, Any]] = list(read_results(folder / "test").rows)
            names = [key for key in rows[0] if key.startswith("dice")]
            scores = {
                str(case["name"]).removeprefix("images_"): (  # of data that was written twice
                    str(case["group"]),
                    statistics.mean(float(case[n]) for n in names),
                )
                for case in rows
            }
            found[folder.name.rsplit("-", 1)[1]] = {case: told for case, told in scores.items() if told[1] == told[1]}
    return found


def mean_of(cases: Cases) -> float:
    """Return the mean Dice over cases."""
    return statistics.mean(score for _, score in cases.values())


def paired(seeds: dict[str, Cases], base: dict[str, Cases], row: str) -> str:
    """Compare patient by patient, means over cases and over the seeds that both have: difference, p of signed ranks."""
    common = [seed for seed in seeds if seed in base]
    if row == "baseline" or not common:
        return "-"
    told: dict[str, list[float]] = {}
    for seed in common:
        for case in seeds[seed].keys() & base[seed].keys():
            patient, score = seeds[seed][case]
            told.setdefault(patient, []).append(score - base[seed][case][1])
    differences = [statistics.mean(values) for values in told.values()]
    p = float(stats.wilcoxon(differences).pvalue) if any(differences) else 1.0
    better = sum(difference > 0 for difference in differences)
    told = f"p {p:.3f}" if p >= 0.001 else "p < 0.001"
    return f"{statistics.mean(differences):+.3f}, {better} of {len(differences)}, {told}"


if __name__ == "__main__":
    main()
