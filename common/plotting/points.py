"""Overlays of points: every cell marked by the shape and the colour of its class, beside the plain picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.common.plotting.panel import MUTED, TEXT, draw_scale_bar, lay_out, show_image, write_title
from zoo.common.plotting.sheet import Frame, Sheet
from zoo.common.plotting.text import shown

if TYPE_CHECKING:
    from zoo.common.answers.points import Points

# shapes first: hollow rings leave the nucleus visible, and no two classes differ by colour alone
MARKS = (("o", "#4db8ff"), ("^", "#ffb000"), ("s", "#ff5fa2"), ("D", "#7ee787"))
LARGEST_PT, SMALLEST_PT = 7.0, 2.2
CROWDED = 0.75  # side of a mark as a share of the usual distance of neighbours


def draw_points(prediction: Points) -> Sheet:
    """Draw the plain picture, the picture with its cells marked, and a panel of counts, index and density."""
    sheet, (plain, frame), panel = lay_out(prediction.image, pictures=2)
    show_image(prediction.image, plain, frame)
    size = _mark_size(prediction, frame)
    for kind in range(len(prediction.classes)):
        own = prediction.points[prediction.points[:, 0] == kind]
        _mark(frame, own[:, 1:3], kind, size)
    draw_scale_bar(plain, prediction.image)
    _write_counts(panel, prediction)
    return sheet


def _mark(frame: Frame, points: np.ndarray, kind: int, size: float) -> None:
    shape, colour = MARKS[kind % len(MARKS)]
    width = 0.5 + 0.1 * size
    # a dark rim below: the marks stand out on pale and on stained tissue alike
    for edge, wide, opacity in (("black", width + 0.9, 0.75), (colour, width, 1.0)):
        frame.discs(points, shape=shape, size_pt=size, edge=edge, width_pt=wide, alpha=opacity)


def _mark_size(prediction: Points, frame: Frame) -> float:
    """Return the size of a mark [pt] at which most marks do not touch their neighbours."""
    count = max(1, len(prediction.points))
    h, w = prediction.image.size[-2:]
    apart_pt = 72 * frame.box_in[2] / w * np.sqrt(h * w / count)
    return float(np.clip(CROWDED * apart_pt / 2, SMALLEST_PT, LARGEST_PT))


def _write_counts(panel: Frame, prediction: Points) -> None:
    y = write_title(panel, prediction.image)
    densities = prediction.per_mm2
    for kind, (name, count) in enumerate(prediction.counts.items()):
        _mark(panel, np.array([(0.03, y - 0.022)]), kind, LARGEST_PT)
        panel.text(0.1, y, shown(name), colour=TEXT, size_pt=10)
        panel.text(1.0, y, f"{count:,}", colour=TEXT, size_pt=10, ha="right")
        if densities is not None:
            y -= 0.058
            panel.text(1.0, y, f"{densities[name]:,.0f} per mm²", colour=MUTED, size_pt=8, ha="right")
        y -= 0.085
    index = prediction.index
    if index is not None:
        panel.text(0.0, y, shown(prediction.index_name), colour=TEXT, size_pt=10)
        panel.text(1.0, y, f"{index[0]:.1%}", colour=TEXT, size_pt=10, bold=True, ha="right")
        interval = f"95 % interval {index[1]:.1%} to {index[2]:.1%}"
        panel.text(1.0, y - 0.062, interval, colour=MUTED, size_pt=8, ha="right")
    elif not len(prediction.points):
        panel.text(0.0, y, "no cell found", colour=MUTED, size_pt=10)
    if len(prediction.points):
        panel.text(0.0, 0.02, f"right: score {prediction.threshold:.2f} or more", colour=MUTED, size_pt=8, va="bottom")
