"""Overlays of points: every cell marked by the shape and the colour of its class, beside the plain picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.common.plotting import MUTED, TEXT, draw_scale_bar, lay_out, show_image, write_title

if TYPE_CHECKING:
    from zoo.common.answers.points import Points

# shapes first: hollow rings leave the nucleus visible, and no two classes differ by colour alone
MARKS = (("o", "#4db8ff"), ("^", "#ffb000"), ("s", "#ff5fa2"), ("D", "#7ee787"))
LARGEST_PT, SMALLEST_PT = 7.0, 2.2
CROWDED = 0.75  # side of a mark as a share of the usual distance of neighbours
DPI = 220  # finer than other overlays: a thousand cells share one picture


def draw_points(prediction: Points) -> Figure:
    """Draw the plain picture, the picture with its cells marked, and a panel of counts, index and density."""
    figure, (plain, canvas), panel = lay_out(prediction.image, pictures=2)
    figure.set_dpi(DPI)
    for axes in (plain, canvas):
        show_image(axes, prediction.image)
    size = _mark_size(prediction, figure, canvas)
    for kind in range(len(prediction.classes)):
        own = prediction.points[prediction.points[:, 0] == kind]
        _mark(canvas, own[:, 1], own[:, 2], kind, size)
    draw_scale_bar(plain, prediction.image)
    _write_counts(panel, prediction)
    return figure


def _mark(canvas: Axes, x: np.ndarray, y: np.ndarray, kind: int, size: float) -> None:
    shape, colour = MARKS[kind % len(MARKS)]
    width = 0.5 + 0.1 * size
    # a dark rim below: the marks stand out on pale and on stained tissue alike
    for edge, wide, opacity in (("black", width + 0.9, 0.75), (colour, width, 1.0)):
        canvas.plot(x, y, shape, ms=size, mfc="none", mec=edge, mew=wide, alpha=opacity, linestyle="none")


def _mark_size(prediction: Points, figure: Figure, canvas: Axes) -> float:
    """Return the size of a mark [pt] at which most marks do not touch their neighbours."""
    count = max(1, len(prediction.points))
    h, w = prediction.image.size[-2:]
    side_in = figure.get_figwidth() * canvas.get_position().width
    apart_pt = 72 * side_in / w * np.sqrt(h * w / count)
    return float(np.clip(CROWDED * apart_pt / 2, SMALLEST_PT, LARGEST_PT))


def _write_counts(panel: Axes, prediction: Points) -> None:
    y = write_title(panel, prediction.image)
    densities = prediction.per_mm2
    for kind, (name, count) in enumerate(prediction.counts.items()):
        _mark(panel, np.array([0.03]), np.array([y - 0.022]), kind, LARGEST_PT)
        panel.text(0.1, y, name, color=TEXT, fontsize=10, va="top")
        panel.text(1.0, y, f"{count:,}", color=TEXT, fontsize=10, va="top", ha="right")
        if densities is not None:
            y -= 0.058
            panel.text(1.0, y, f"{densities[name]:,.0f} per mm²", color=MUTED, fontsize=8, va="top", ha="right")
        y -= 0.085
    index = prediction.index
    if index is not None:
        panel.text(0.0, y, prediction.index_name, color=TEXT, fontsize=10, va="top")
        panel.text(1.0, y, f"{index[0]:.1%}", color=TEXT, fontsize=10, fontweight="bold", va="top", ha="right")
        interval = f"95 % interval {index[1]:.1%} to {index[2]:.1%}"
        panel.text(1.0, y - 0.062, interval, color=MUTED, fontsize=8, va="top", ha="right")
    elif not len(prediction.points):
        panel.text(0.0, y, "no cell found", color=MUTED, fontsize=10, va="top")
    if len(prediction.points):
        panel.text(0.0, 0.02, f"right: score {prediction.threshold:.2f} or more", color=MUTED, fontsize=8, va="bottom")
