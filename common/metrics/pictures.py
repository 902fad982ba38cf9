"""Pictures of scores: a box per class, and Bland and Altman's plot of two measurements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zoo.common.metrics.cases import MISSED, class_of, score_columns
from zoo.common.numbers import name_and_unit
from zoo.common.plotting import BACKGROUND, COLOURS, DPI, MUTED, TEXT
from zoo.common.plotting.text import WORD, drawable
from zoo.common.types import Row

CROWDED = 10  # more classes than this stand close, under slanted names


def draw_cases(rows: Sequence[Row]) -> dict[str, Figure]:
    """Draw what the rows of an evaluation allow, by name.

    boxes_<score>: a box per class, for scores of single classes. boxes_p_<class>: probabilities, a box per true class.
    agreement_<quantity>: reference and prediction after Bland and Altman, for what was measured.
    """
    figures = {f"boxes_{metric}": draw_boxes(long, metric) for metric, long in _per_class(rows).items()}
    names = dict.fromkeys(
        name.removeprefix("reference_") for row in rows for name in row if name.startswith("reference_")
    )
    for name in names:
        first, second = (
            [float(row[f"{side}_{name}"]) for row in rows if f"reference_{name}" in row]
            for side in ("reference", "predicted")
        )
        figures[f"agreement_{name}"] = draw_bland_altman(first, second, name)
    return figures


def _per_class(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Turn rows of cases into rows of cases and classes, per score."""
    classes = dict.fromkeys(name.removeprefix(MISSED) for row in rows for name in row if name.startswith(MISSED))
    found: dict[str, list[Row]] = {}
    for column, values in score_columns(rows).items():
        name = class_of(column, classes)
        if name and column != MISSED + name:
            metric = f"_{column}_".replace(f"_{name}_", "_").strip("_")
            found.setdefault(metric, []).extend({"label": name, metric: value} for value in values)
    shares = [name for name in (rows[0] if rows else ()) if name.startswith("p_")]
    for share in shares[1:] if len(shares) == 2 else shares:  # of two classes, one says it all
        by_class = sorted(rows, key=lambda row: float(row["label"]))
        found[share] = [{"label": shares[int(row["label"])][2:], share: row[share]} for row in by_class]
    return found


def draw_boxes(rows: Sequence[Row], metric: str) -> Figure:
    """Draw a box with all its cases per label; cases that are undefined or infinite are counted under the name."""
    labels = list(dict.fromkeys(str(row["label"]) for row in rows))
    is_crowded = len(labels) > CROWDED
    figure, axes = sheet(1.6 + 0.45 * len(labels), 6.0) if is_crowded else sheet(1.6 + 1.1 * max(len(labels), 2))
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
        names.append(f"{drawable(label)}\nn = {len(shown)}" + (f", {lost} not shown" if lost else ""))
    axes.set_xticks(range(len(labels)), [name.replace("\n", ", ") if is_crowded else name for name in names])
    if is_crowded:
        for tick in axes.get_xticklabels():
            tick.set(rotation=60, ha="right", rotation_mode="anchor")
    title, unit = name_and_unit(metric)
    title = f"probability of {drawable(metric[2:])}" if metric.startswith("p_") else drawable(title, 2 * WORD)
    axes.set_ylabel(f"{title} [{unit}]" if unit else title)
    return figure


def draw_bland_altman(reference: Sequence[float], prediction: Sequence[float], quantity: str = "volume_ml") -> Figure:
    """Draw difference over mean of two measurements with the bias and its 95 % limits (bias ± 1.96 s).

    quantity: name with its unit, such as hc_mm. Cases that were not measured are counted in the title.
    """
    pairs = np.array([reference, prediction], np.float64)
    first, second = pairs[:, np.isfinite(pairs).all(0)]
    gaps = second - first
    shown, unit = name_and_unit(quantity)
    shown = drawable(shown, 2 * WORD)
    end = f" [{unit}]" if unit else ""
    figure, axes = sheet(6.2)
    axes.scatter((first + second) / 2, gaps, s=22, color=COLOURS[0], alpha=0.75, linewidths=0)
    bias = float(gaps.mean()) if len(gaps) else np.nan
    spread = float(gaps.std(ddof=1)) if len(gaps) > 1 else np.nan
    for value, name, colour in (
        (bias, "bias", COLOURS[1]),
        (bias + 1.96 * spread, "+1.96 s", MUTED),
        (bias - 1.96 * spread, "-1.96 s", MUTED),
    ):
        if not np.isfinite(value):
            continue
        axes.axhline(value, color=colour, linewidth=1.3, linestyle="-" if name == "bias" else "--")
        axes.annotate(
            f"{name}\n{value:.3g}", (1.01, value), xycoords=("axes fraction", "data"), color=colour, va="center", size=8
        )
    lost = pairs.shape[1] - len(gaps)
    axes.set_title(f"n = {len(gaps)}" + (f", {lost} not measured" if lost else ""), color=MUTED, size=9, loc="left")
    axes.set_xlabel(f"{shown}, mean of reference and prediction{end}")
    axes.set_ylabel(f"prediction - reference{end}")
    return figure


def sheet(width_in: float, height_in: float = 3.8) -> tuple[Figure, Axes]:
    """Lay out an empty picture of one plot."""
    figure = Figure(figsize=(width_in, height_in), dpi=DPI, facecolor=BACKGROUND, layout="constrained")
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
