"""One page for a reviewer: data, split, figures, subgroups, cases, failures, versions; opens offline, prints on A4."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.types import Row
from zoo.report import HEADLINES
from zoo.report.html import cell, heading, interval, number, paragraph, picture, pivot, table, whole_page
from zoo.report.subgroups import FEWEST

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from zoo.evaluation import Evaluation

FAILURES = 40  # cases that are listed; the others stand in cases.csv
SPLIT_OFF = "The threshold was chosen on the one split and is reported on the other."


def write_page(path: Path, result: Evaluation, figures: Mapping[str, Figure]) -> None:
    """Write the page; everything it shows is inside it."""
    parts = [
        *_head(result),
        *_data(result),
        *_scores(result),
        *_classes(result),
        *_points(result),
        *_subgroups(result),
        *_figures(figures),
        *_cases(result),
        *_failures(result),
        *_versions(result),
    ]
    title = str(result.about.get("model", {}).get("name", "")) or "Evaluation"
    Path(path).write_text(whole_page(title, parts), encoding="utf-8", errors="backslashreplace")


def _head(result: Evaluation) -> Iterable[str]:
    model = result.about.get("model", {})
    yield heading(str(model.get("name", "Evaluation")), 1)
    yield paragraph(f"Evaluation on {len(result.rows)} cases, {result.about.get('date', 'date unknown')}.")
    if model:
        yield table(("", ""), [(key, cell(value)) for key, value in model.items()], head=False)
    yield paragraph("Not a medical device. Figures hold for cases like these, not for other hospitals.")


def _data(result: Evaluation) -> Iterable[str]:
    yield heading("Data")
    groups = len({str(row.get("group") or row["name"]) for row in result.rows})
    told = {key: str(value) for key, value in result.about.get("data", {}).items()}
    told |= {"cases": str(len(result.rows)), "patients or other groups": str(groups)}
    told["out of scope"] = f"{result.out_of_scope} images are unlike those of the training"
    yield table(("", ""), [(key, cell(value)) for key, value in told.items()], head=False)


def _scores(result: Evaluation) -> Iterable[str]:
    yield heading("Scores")
    rows = result.table()
    has_counts, has_baseline = any("used" in row for row in rows), any("baseline" in row for row in rows)
    heads = ["score", "value", "95 % interval", *["trivial baseline"] * has_baseline]
    heads += ["cases used", "undefined", "missed"] * has_counts
    lines = []
    for row in rows:
        line = [cell(row["metric"]), number(row["value"]), interval(row)]
        line += [number(row.get("baseline"))] * has_baseline
        lines.append(line + [number(row.get(key), 0) for key in ("used", "undefined", "missed")] * has_counts)
    yield table(heads, lines)
    yield paragraph(
        "Intervals: other patients like these (bootstrap over patients). The baseline is fitted on the training split."
    )


def _classes(result: Evaluation) -> Iterable[str]:
    if result.classes:
        yield heading("Each class against the rest")
        yield pivot([row for row in result.classes if row["metric"] in HEADLINES], "class", "metric")
        yield paragraph("PPV and NPV hold for the share of each class in these data, which other places may not have.")


def _points(result: Evaluation) -> Iterable[str]:
    if not result.points:
        return
    yield heading("Operating point")
    first = result.points[0]
    yield paragraph(f"Rule: {first['rule']}. {SPLIT_OFF}")
    if first.get("option"):
        yield paragraph(f"Predictions call from there on with the option {first['option']}, not the number itself.")
    shown = [
        {**row, "class": f"{row['class']}, from {float(row['threshold']):.4g} on, {row['split']}"}
        for row in result.points
        if row["metric"] in HEADLINES
    ]
    yield pivot(shown, "class", "metric")


def _subgroups(result: Evaluation) -> Iterable[str]:
    for by, part in result.subgroups.items():
        yield heading(f"By {by}")
        sizes = {
            str(row["subgroup"]): f"{row['subgroup']} ({row['cases']:.0f} of {row['groups']:.0f})" for row in part.rows
        }
        yield pivot([{**row, "subgroup": sizes[str(row["subgroup"])]} for row in part.rows], "metric", "subgroup")
        yield paragraph(f"In brackets: cases, and of how many patients. Fewer than {FEWEST} have no interval.")
        if not part.differences:
            yield paragraph(f"No two subgroups of {FEWEST} patients and more to compare.")
            continue
        yield paragraph("Largest difference between two subgroups:")
        lines = [
            (
                cell(row["metric"]),
                cell(f"{row['largest']} - {row['smallest']}"),
                number(row["difference"]),
                interval(row),
            )
            for row in part.differences
        ]
        yield table(("score", "subgroups", "difference", "95 % interval"), lines)
        yield paragraph("The largest of many differences is large by chance, too: a hint where to look, no test.")


def _figures(figures: Mapping[str, Figure]) -> Iterable[str]:
    if figures:
        yield heading("Figures")
    for name, figure in figures.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", facecolor=figure.get_facecolor())
        yield picture(_inside(buffer.getvalue(), "png"), name)


def _cases(result: Evaluation) -> Iterable[str]:
    if not result.pictures:
        return
    yield heading("Worst, median and best cases")
    for shown in result.pictures:
        sources = [_inside(content, "jpeg") for content in (shown.reference, shown.answer) if content]
        order = "; above the reference, below the answer" if shown.reference else ""
        yield picture(sources, f"{shown.kind}: {shown.name}; {shown.told}{order}")


def _failures(result: Evaluation) -> Iterable[str]:
    yield heading("Failures")
    lost = failed_cases(result.rows)
    if not any(name == "correct" or name.startswith("missed_") for row in result.rows for name in row):
        yield paragraph("What a failed case is, is not defined for this task; see the worst cases.")
        return
    if not lost:
        yield paragraph("No case was missed or called wrongly.")
        return
    more = f"; the first {FAILURES} of them, all in cases.csv" if len(lost) > FAILURES else ""
    yield paragraph(f"{len(lost)} of {len(result.rows)} cases were missed or called wrongly{more}:")
    yield table(("case", "patient or group", "what"), [tuple(map(cell, line)) for line in lost[:FAILURES]])


def failed_cases(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    """List name, group and reason of the cases that a person would call failures, the surest mistakes first."""
    found = []
    for row in rows:
        shares = {name[2:]: float(value) for name, value in row.items() if name.startswith("p_")}
        missed = [
            name.removeprefix("missed_") for name, value in row.items() if name.startswith("missed_") and value == 1
        ]
        if row.get("correct") == 0 and shares:
            called = max(shares, key=shares.__getitem__)
            true = list(shares)[int(row["label"])]
            found.append(
                (
                    shares[called],
                    (str(row["name"]), str(row.get("group", "")), f"{true} called {called} ({shares[called]:.2f})"),
                )
            )
        elif missed:
            found.append((1.0, (str(row["name"]), str(row.get("group", "")), f"missed {', '.join(missed)}")))
    return [line for _, line in sorted(found, key=lambda pair: -pair[0])]


def _versions(result: Evaluation) -> Iterable[str]:
    versions = result.about.get("versions", {})
    if versions:
        yield heading("Versions")
        yield table(("", ""), [(key, cell(value)) for key, value in versions.items()], head=False)


def _inside(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
