"""Pictures of scores: a box per label, and Bland and Altman's plot of two measurements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zoo.common.plotting import BACKGROUND, COLOURS, DPI, MUTED, TEXT
from zoo.common.types import Row


def draw_boxes(rows: Sequence[Row], metric: str) -> Figure:
    """Draw a box with all its cases per label; cases that are undefined or infinite are counted under the name."""
    labels = list(dict.fromkeys(str(row["label"]) for row in rows))
    figure, axes = _sheet(1.6 + 1.1 * max(len(labels), 2))
    names = []
    for i, label in enumerate(labels):
        values = np.array([row[metric] for row in rows if row["label"] == label], np.float64)
        shown = values[np.isfinite(values)]
        colour = COLOURS[i % len(COLOURS)]
        line = {"color": colour, "linewidth": 1.5}
        axes.boxplot(
            shown,
            positions=[i],
            widths=0.5,
            showfliers=False,
            boxprops=line,
            whiskerprops=line,
            capprops=line,
            medianprops={"color": TEXT, "linewidth": 2},
        )
        offsets = (np.arange(len(shown)) * 0.618 % 1 - 0.5) * 0.3  # spread evenly without chance
        axes.scatter(i + offsets, shown, s=14, color=colour, alpha=0.6, linewidths=0)
        lost = len(values) - len(shown)
        names.append(f"{label}\nn = {len(shown)}" + (f", {lost} not shown" if lost else ""))
    axes.set_xticks(range(len(labels)), names)
    axes.set_ylabel(metric.replace("_mm", " [mm]").replace("_", " "))
    return figure


def draw_bland_altman(reference: Sequence[float], prediction: Sequence[float], unit: str = "ml") -> Figure:
    """Draw difference over mean of two measurements with the bias and its 95 % limits (bias ± 1.96 s)."""
    first, second = np.asarray(reference, np.float64), np.asarray(prediction, np.float64)
    gaps = second - first
    bias, spread = float(gaps.mean()), float(gaps.std(ddof=1)) if len(gaps) > 1 else 0.0
    figure, axes = _sheet(6.2)
    axes.scatter((first + second) / 2, gaps, s=22, color=COLOURS[0], alpha=0.75, linewidths=0)
    for value, name, colour in (
        (bias, "bias", COLOURS[1]),
        (bias + 1.96 * spread, "+1.96 s", MUTED),
        (bias - 1.96 * spread, "-1.96 s", MUTED),
    ):
        axes.axhline(value, color=colour, linewidth=1.3, linestyle="-" if name == "bias" else "--")
        axes.annotate(
            f"{name}\n{value:.3g}", (1.01, value), xycoords=("axes fraction", "data"), color=colour, va="center", size=8
        )
    axes.set_xlabel(f"mean of reference and prediction [{unit}]")
    axes.set_ylabel(f"prediction - reference [{unit}]")
    return figure


def _sheet(width_in: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width_in, 3.8), dpi=DPI, facecolor=BACKGROUND, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=BACKGROUND)
    axes.tick_params(colors=TEXT, labelsize=9)
    for text in (axes.xaxis.label, axes.yaxis.label):
        text.set_color(TEXT)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(MUTED)
    axes.grid(axis="y", color=MUTED, alpha=0.2)
    return figure, axes
