"""The files of an evaluation: tables, figures and the page, whatever the task has of them."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.files.output_folder import OutputFolder
from zoo.common.metrics.class_curves import calibration_rows, decision_rows
from zoo.common.metrics.class_scores import answers_of, confusion_rows
from zoo.common.metrics.curves import curve_rows, draw_curve
from zoo.common.tables import write_csv
from zoo.common.types import Row
from zoo.comparison import CASES, DRAWS, SUMMARY
from zoo.prediction.file_names import FreePaths
from zoo.report.page import write_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from zoo.evaluation import Evaluation

PAGE = "report.html"
TABLES = ("curves.csv", "classes.csv", "confusion.csv", "calibration.csv", "decision.csv", "operating_points.csv")
DIVIDED = ("subgroups.csv", "subgroup_differences.csv")
PICTURES = ("boxes_*.png", "agreement_*.png", "curve_*.png", "confusion.png", "reliability.png", "decision.png")
OWN = (CASES, "summary.csv", SUMMARY, DRAWS, *TABLES, *DIVIDED, PAGE, *PICTURES)  # what may be written


def write_evaluation(result: Evaluation, output: OutputFolder) -> list[Path]:
    """Write every table and figure that there is, and one page with all of it; return where."""
    paths = [
        output.write(name, partial(write_csv, rows=rows))
        for name, rows in tables_of(result).items()
        if rows or name in (CASES, "summary.csv")
    ]
    paths.append(output.write_json(SUMMARY, result.to_dict()))
    free, figures = FreePaths(Path()), {}
    for title, figure in figures_of(result).items():
        name = free.new(re.sub(r"[^\w-]+", "_", title)).as_posix()
        paths.append(output.write(name, partial(figure.savefig, facecolor=figure.get_facecolor())))
        figures[name] = figure
    paths.append(output.write(PAGE, partial(write_page, result=result, figures=figures)))
    output.close()
    return paths


def tables_of(result: Evaluation) -> dict[str, list[Row]]:
    """Return the rows of every table by its file name."""
    tables = {CASES: result.rows, "summary.csv": result.table()}
    tables[DRAWS] = [
        dict(zip(result.draws, values, strict=True)) for values in zip(*result.draws.values(), strict=True)
    ]
    tables["curves.csv"] = curve_rows(result.curves)
    if (answers := answers_of(result.rows)) is not None:
        tables |= {"classes.csv": result.classes, "confusion.csv": confusion_rows(answers)}
        tables |= {"calibration.csv": calibration_rows(answers), "decision.csv": decision_rows(answers)}
    tables["operating_points.csv"] = result.points
    tables["subgroups.csv"] = [row for part in result.subgroups.values() for row in part.rows]
    tables["subgroup_differences.csv"] = [row for part in result.subgroups.values() for row in part.differences]
    return tables


def figures_of(result: Evaluation) -> dict[str, Figure]:
    """Draw what the scores allow, by the name of the file."""
    from zoo.common.metrics.class_pictures import draw_answers
    from zoo.common.metrics.pictures import draw_cases

    answers = answers_of(result.rows)
    curves = {f"curve_{name}": draw_curve(curve) for name, curve in result.curves.items()}
    return {**({} if answers is None else draw_answers(answers)), **curves, **draw_cases(result.rows)}
