"""Curves of scores, such as FROC: their points, the point at which a model works, and their picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from zoo.common.types import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Curve:
    """Lines over one pair of axes.

    x_name, y_name: what the axes show. lines: name -> points (n, 3): x, y and the lowest score counted there.
    working: name of a line -> (x, y) at the model's threshold. ticks: of a logarithmic x axis; () for one from 0 to 1.
    bars: name of a line -> low and high x, low and high y of its working point. notes: what the legend adds to a name.
    steps: how points are joined: post and pre keep the height of the point before and behind, line goes straight.
    corner: where the legend stands; the lower left one, or for a logarithmic axis the lower right one, if left out.
    """

    x_name: str
    y_name: str
    lines: dict[str, np.ndarray]
    working: dict[str, tuple[float, float]] = field(default_factory=dict)
    ticks: tuple[float, ...] = ()
    bars: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    steps: Literal["post", "pre", "line"] = "post"
    corner: str = ""


def curve_rows(curves: dict[str, Curve]) -> list[Row]:
    """List the points of all curves, a row each."""
    return [
        {"curve": title, "line": name, "x": float(x), "y": float(y), "lowest_score": float(score)}
        for title, curve in curves.items()
        for name, points in curve.lines.items()
        for x, y, score in points
    ]


def draw_curve(curve: Curve) -> Figure:
    """Draw the lines, and a ring where the model works."""
    from zoo.common.metrics.pictures import sheet
    from zoo.common.plotting import COLOURS, MUTED, TEXT
    from zoo.common.plotting.text import drawable

    figure, axes = sheet(5.6, 4.2)
    for i, (name, points) in enumerate(curve.lines.items()):
        colour = COLOURS[i % len(COLOURS)]
        x = np.maximum(points[:, 0], min(curve.ticks) / 2) if curve.ticks else points[:, 0]
        label = drawable(name) + curve.notes.get(name, "")
        if name in curve.working:
            _draw_working_point(axes, curve, name, TEXT)
            at_x, at_y = curve.working[name]
            label = f"{label}: {at_y:.2f} at {at_x:.2g}"
        joined = "default" if curve.steps == "line" else f"steps-{curve.steps}"
        axes.plot(x, points[:, 1], drawstyle=joined, color=colour, linewidth=1.8, label=label)
    if curve.ticks:
        axes.set_xscale("log", base=2)
        axes.set_xticks(curve.ticks, [f"{tick:g}" for tick in curve.ticks])
        axes.set_xlim(min(curve.ticks) / 2, max(curve.ticks) * 1.1)
    else:
        axes.set_xlim(0, 1.01)
    axes.set_ylim(0, 1.01)
    axes.set_xlabel(curve.x_name)
    axes.set_ylabel(curve.y_name)
    corner = curve.corner or ("lower right" if curve.ticks else "lower left")
    axes.legend(loc=corner, frameon=False, labelcolor=TEXT, fontsize=9)
    if curve.working:
        told = "ring: the model's threshold" + (", with 95 % intervals" if curve.bars else "")
        axes.set_title(told, color=MUTED, size=9, loc="left")
    return figure


def _draw_working_point(axes: Axes, curve: Curve, name: str, colour: str) -> None:
    """Draw a ring where the model works, and how far it may lie from there in either direction."""
    x, y = curve.working[name]
    axes.plot(x, y, "o", markersize=9, markerfacecolor="none", markeredgecolor=colour, markeredgewidth=1.6)
    if name in curve.bars:
        left, right, low, high = curve.bars[name]
        axes.plot([left, right], [y, y], color=colour, linewidth=0.9, alpha=0.7)
        axes.plot([x, x], [low, high], color=colour, linewidth=0.9, alpha=0.7)
