"""Pictures of a classifier: its confusion matrix, its reliability, its net benefit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.common.metrics.class_curves import ALL, CALLED, MODEL, NONE, calibration_rows, decision_rows
from zoo.common.metrics.class_scores import Answers
from zoo.common.metrics.classification import calibration_error
from zoo.common.metrics.pictures import sheet
from zoo.common.numbers import percent
from zoo.common.plotting import BACKGROUND, COLOURS, MUTED, TEXT
from zoo.common.plotting.text import drawable
from zoo.common.types import Row

CROWDED = 12  # more classes than this have no room for numbers in the cells


def draw_answers(answers: Answers) -> dict[str, Figure]:
    """Draw what is known of a classifier, by name."""
    calibration, decisions = calibration_rows(answers), decision_rows(answers)
    figures = {"confusion": draw_confusion(answers)}
    if len(answers.labels):
        figures["reliability"] = draw_reliability(answers, calibration)
        figures["decision"] = draw_decision(answers, decisions)
    return figures


def draw_confusion(answers: Answers) -> Figure:
    """Draw the matrix: counts, and per cent of the true class; the colour follows the per cent."""
    k = len(answers.classes)
    counts = answers.confusion
    totals = counts.sum(1, keepdims=True)
    shares = np.where(totals > 0, counts / np.maximum(totals, 1), 0.0)
    size = min(2.4 + 0.75 * k, 9.0)
    figure, axes = sheet(size + 0.9, size)
    axes.imshow(shares, cmap="bone", vmin=0, vmax=1, aspect="equal")
    if k <= CROWDED:
        for i, j in np.ndindex(k, k):
            colour = BACKGROUND if shares[i, j] > 0.55 else TEXT
            told = f"{counts[i, j]}\n{percent(shares[i, j])}" if totals[i] else "0\n–"
            axes.text(j, i, told, ha="center", va="center", color=colour, size=9)
    names = [drawable(name) for name in answers.classes]
    axes.set_xticks(range(k), names, rotation=30 if k > 2 else 0, ha="right" if k > 2 else "center")
    axes.set_yticks(range(k), [f"{name}\nn = {total}" for name, total in zip(names, totals[:, 0], strict=True)])
    axes.set_xlabel("called")
    axes.set_ylabel("true")
    axes.grid(False)
    axes.set_title("cases, and per cent of the true class", color=MUTED, size=9, loc="left")
    return figure


def draw_reliability(answers: Answers, rows: Sequence[Row]) -> Figure:
    """Draw how often probabilities came true: of the called class, and of each class that is looked for."""
    figure, axes = sheet(5.6, 4.6)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":")
    most = max(float(row["cases"]) for row in rows)
    for i, name in enumerate(dict.fromkeys(str(row["of"]) for row in rows)):
        own = [row for row in rows if row["of"] == name]
        x, y = ([float(row[key]) for row in own] for key in ("probability", "share"))
        sizes = [12 + 110 * float(row["cases"]) / most for row in own]
        colour, is_called = COLOURS[i % len(COLOURS)], name == CALLED
        axes.plot(x, y, color=colour, linewidth=1.6 if is_called else 1.1, label=drawable(name), zorder=2)
        axes.scatter(x, y, s=sizes, color=colour, alpha=0.75, linewidths=0, zorder=3)
    _square(axes)
    axes.set_xlabel("probability (mean of the bin)")
    axes.set_ylabel("share that came true")
    axes.legend(loc="upper left", frameon=False, labelcolor=TEXT, fontsize=9)
    error = calibration_error(answers.labels, answers.probabilities)
    told = f"ECE {error:.3f} (of the called class); area of a dot: cases in the bin"
    axes.set_title(told, color=MUTED, size=9, loc="left")
    return figure


def draw_decision(answers: Answers, rows: Sequence[Row]) -> Figure:
    """Draw the net benefit over the probability from which on somebody would act."""
    figure, axes = sheet(5.6, 4.2)
    top = max(float(row["net_benefit"]) for row in rows)
    is_alone = len(answers.positives) == 1
    for i, c in enumerate(answers.positives):
        name, colour = drawable(answers.classes[c]), COLOURS[i % len(COLOURS)]
        for line, style in ((MODEL, "-"), (ALL, "--")):
            own = [row for row in rows if row["class"] == answers.classes[c] and row["line"] == line]
            x, y = ([float(row[key]) for row in own] for key in ("threshold", "net_benefit"))
            label = f"{line}: {name}" if is_alone or line == MODEL else None
            axes.plot(x, y, color=colour if line == MODEL or not is_alone else MUTED, linestyle=style, label=label)
    axes.axhline(0, color=TEXT, linewidth=0.9, label=NONE)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.25 * max(top, 0.02), 1.1 * max(top, 0.02))
    axes.set_xlabel("threshold: the probability from which on one would act")
    axes.set_ylabel("net benefit per case")
    axes.legend(loc="upper right", frameon=False, labelcolor=TEXT, fontsize=9)
    if not is_alone:
        axes.set_title("dashed: the class called for all cases", color=MUTED, size=9, loc="left")
    return figure


def _square(axes: Axes) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
