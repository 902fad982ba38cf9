"""Overlays worth looking at: what a model found, drawn over the image without global state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.colours import COLOURS as COLOURS
from zoo.common.numbers import percent
from zoo.common.plotting.panel import BACKGROUND as BACKGROUND
from zoo.common.plotting.panel import (
    HALO,
    blend_heat,
    draw_bar,
    draw_scale_bar,
    lay_out,
    show_image,
    write_measurements,
    write_title,
)
from zoo.common.plotting.panel import MUTED as MUTED
from zoo.common.plotting.panel import TEXT as TEXT
from zoo.common.plotting.panel import display_values as display_values
from zoo.common.plotting.panel import write_note as write_note
from zoo.common.plotting.sheet import DPI as DPI
from zoo.common.plotting.sheet import Frame, Sheet

if TYPE_CHECKING:
    from zoo.common.answers.classification import Classification
    from zoo.common.answers.ellipses import Ellipses

MAX_BARS = 5  # most probable classes that the panel has room for
DASHES_PT = (2.7, 2.25)
CORNERS = 120  # of the polygon that stands for an ellipse


def draw_ellipses(prediction: Ellipses) -> Sheet:
    """Draw the image, each ellipse with its axes, and a panel of classes, scores and measurements."""
    sheet, (frame,), panel = lay_out(prediction.image, pictures=1)
    show_image(prediction.image, frame)
    colours = []
    for kind, cx, cy, a, b, angle in prediction.ellipses:
        colour = COLOURS[int(kind) % len(COLOURS)]
        colours.append(colour)
        _draw_ellipse(frame, (cx, cy), (a, b), angle, colour)
    draw_scale_bar(frame, prediction.image)

    y = write_title(panel, prediction.image)
    names = [prediction.classes[int(kind)] for kind in prediction.ellipses[:, 0]]
    if not names:
        panel.text(0.0, y, "no ellipse found", colour=MUTED, size_pt=10)
    for name, score, colour in zip(names, prediction.scores, colours, strict=True):
        y = draw_bar(panel, y, name, float(score), f"{score:.2f}", colour)
    write_measurements(panel, y - 0.01, prediction.measurements)
    return sheet


def draw_classification(prediction: Classification) -> Sheet:
    """Draw the image, the heat map over it when there is one, and a bar of probability per class."""
    has_map = prediction.heat_map is not None
    sheet, frames, panel = lay_out(prediction.image, pictures=2 if has_map else 1)
    show_image(prediction.image, *frames)
    if prediction.heat_map is not None:
        blend_heat(frames[1], prediction.heat_map, 0.65)
    draw_scale_bar(frames[0], prediction.image)

    y = write_title(panel, prediction.image)
    best = int(np.argmax(prediction.probabilities))
    likely = set(np.argsort(-prediction.probabilities, kind="stable")[:MAX_BARS].tolist())
    for i, (name, p) in enumerate(zip(prediction.classes, prediction.probabilities, strict=True)):
        if i in likely:
            y = draw_bar(panel, y, name, float(p), percent(float(p)), COLOURS[0] if i == best else MUTED)
    if prediction.heat_map is not None:
        told = "right: where the network looked" if prediction.heat_map.any() else "right: no place stands out"
        panel.text(0.0, 0.02, told, colour=MUTED, size_pt=8, va="bottom")
    return sheet


def _draw_ellipse(
    frame: Frame, centre: tuple[float, float], semi_axes: tuple[float, float], angle_rad: float, colour: str
) -> None:
    a, b = semi_axes
    middle = np.array([centre], np.float64)
    along = np.array([math.cos(angle_rad), math.sin(angle_rad)])
    across = np.array([-along[1], along[0]])
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)[:, None]
    outline = middle + a * np.cos(turn) * along + b * np.sin(turn) * across
    frame.strokes([outline], colour=colour, width_pt=2, halo=HALO, closed=True)
    for direction, length, dashes in ((along, a, ()), (across, b, DASHES_PT)):
        ends = np.concatenate([middle - direction * length, middle + direction * length])
        frame.strokes([ends], colour=colour, width_pt=0.9, alpha=0.8, dashes_pt=dashes)
        frame.discs(ends, shape="o", size_pt=3.4, edge="black", width_pt=0.5, face=colour)
    frame.discs(middle, shape="+", size_pt=7, edge=colour, width_pt=1.2)
