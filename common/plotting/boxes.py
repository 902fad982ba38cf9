"""Overlays of detections: thin boxes with their scores, and the best of them enlarged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke

from zoo.common.plotting import (
    COLOURS,
    MUTED,
    TEXT,
    display_values,
    draw_scale_bar,
    lay_out,
    pixel_aspect,
    show_image,
    write_title,
)
from zoo.common.types import Image

if TYPE_CHECKING:
    from zoo.common.answers.boxes import Boxes

LABELLED = 20  # with more boxes, scores beside them would cover each other
ENLARGED = 6  # boxes that the panel has room for
SMALL = 0.12  # of the picture's width: boxes below are enlarged
AROUND = 2.5  # sides of a box that its enlargement shows
THIN = [Stroke(linewidth=2.2, foreground="black", alpha=0.6), Normal()]


def draw_boxes(prediction: Boxes) -> Figure:
    """Draw the boxes over the picture, or over the slice of a volume with the best one, and enlarge small ones."""
    shown, chosen = _picture(prediction)
    figure, (canvas,), panel = lay_out(shown, pictures=1)
    show_image(canvas, shown)
    labelled = len(chosen) <= LABELLED
    for i in chosen:
        _draw_box(canvas, prediction, int(i), 1.1, labelled)
    draw_scale_bar(canvas, shown)

    y = write_title(panel, prediction.image)
    for k, name in enumerate(prediction.classes):
        count = int((prediction.labels == k).sum())
        colour = COLOURS[k % len(COLOURS)] if count else MUTED
        panel.text(0.0, y, "■", color=colour, fontsize=10, va="top")
        panel.text(0.09, y, name[:28], color=TEXT, fontsize=10, va="top", parse_math=False)
        panel.text(1.0, y, f"{count:,}", color=TEXT, fontsize=10, va="top", ha="right")
        y -= 0.068
    if len(chosen) < len(prediction.boxes):
        panel.text(0.0, y, f"{len(chosen):,} of them in this slice", color=MUTED, fontsize=8, va="top")
    _enlarge(figure, panel, prediction, shown, chosen)
    return figure


def _picture(prediction: Boxes) -> tuple[Image, np.ndarray]:
    """Return what is drawn, and which boxes lie in it."""
    image, boxes = prediction.image, prediction.boxes
    if image.array.ndim == 3:
        return image, np.arange(len(boxes))
    depth = image.array.shape[1]
    middle = int(np.clip(prediction.centres_px[0, 2], 0, depth - 1)) if len(boxes) else depth // 2
    spacing = None if image.spacing_mm is None else image.spacing_mm[1:]
    plane = replace(image, array=image.array[:, middle], spacing_mm=spacing, affine=None)
    inside = (boxes[:, 4] <= middle + 0.5) & (middle + 0.5 < boxes[:, 5]) if len(boxes) else np.zeros(0, bool)
    return plane, np.flatnonzero(inside)


def _draw_box(canvas: Axes, prediction: Boxes, i: int, width: float, labelled: bool) -> None:
    x1, y1, x2, y2 = prediction.boxes[i, :4]
    colour = COLOURS[int(prediction.labels[i]) % len(COLOURS)]
    corner = (x1 - 0.5, y1 - 0.5)  # pixel 0 spans -0.5 to 0.5 here
    box = Rectangle(corner, x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=width)
    box.set_path_effects(THIN)
    canvas.add_patch(box)
    if labelled:
        inwards = x2 > 0.93 * prediction.image.size[-1]  # beside the right border a score would be cut off
        place = {"x": x1 if inwards else x2, "y": y1 - 0.5, "ha": "right" if inwards else "left"}
        label = f" {prediction.scores[i]:.2f} "
        text = canvas.text(**place, s=label, color=colour, fontsize=7, va="bottom", clip_on=True)
        text.set_path_effects([Stroke(linewidth=1.8, foreground="black", alpha=0.75), Normal()])


def _enlarge(figure: Figure, panel: Axes, prediction: Boxes, shown: Image, chosen: np.ndarray) -> None:
    """Show the best small boxes in a grid at the foot of the panel."""
    h, w = shown.size
    sides = (prediction.boxes[:, 2:4] - prediction.boxes[:, :2]).max(axis=1, initial=0)
    small = [int(i) for i in chosen if sides[i] < SMALL * w][:ENLARGED]
    left, bottom, width, _ = panel.get_position().bounds
    cell = width / 3
    tall = cell * figure.get_figwidth() / figure.get_figheight()
    values = display_values(shown)
    for place, i in enumerate(small):
        row, column = divmod(place, 3)
        rows = (len(small) + 2) // 3
        axes = figure.add_axes(
            (left + column * cell, bottom + (rows - 1 - row) * (tall + 0.045), 0.94 * cell, 0.94 * tall)
        )
        axes.set_axis_off()
        axes.imshow(values, cmap="gray", vmin=0, vmax=1, aspect=pixel_aspect(shown), interpolation="nearest")
        x1, y1, x2, y2 = prediction.boxes[i, :4]
        half = AROUND / 2 * max(x2 - x1, y2 - y1, 4)
        axes.set_xlim(max((x1 + x2) / 2 - half, 0) - 0.5, min((x1 + x2) / 2 + half, w) - 0.5)
        axes.set_ylim(min((y1 + y2) / 2 + half, h) - 0.5, max((y1 + y2) / 2 - half, 0) - 0.5)
        _draw_box(axes, prediction, i, 1.2, labelled=False)
        diameters = prediction.diameters_mm
        size = f"{sides[i]:.0f} px" if diameters is None else f"{diameters[i]:.1f} mm"
        label = f"{prediction.scores[i]:.2f} · {size}"
        axes.set_title(label, color=TEXT, fontsize=6.5, pad=2)
