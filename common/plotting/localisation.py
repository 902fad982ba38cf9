"""Overlays of localisations: the map over the image, the outline of the mask, the boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.common.colours import COLOURS
from zoo.common.numbers import percent
from zoo.common.plotting.panel import (
    HALO,
    MUTED,
    TEXT,
    blend_heat,
    draw_bar,
    draw_scale_bar,
    lay_out,
    outline,
    rectangle,
    show_image,
    write_title,
)
from zoo.common.plotting.sheet import Frame, Sheet
from zoo.common.plotting.text import shown

if TYPE_CHECKING:
    from zoo.common.answers.localisation import Localisation

LISTED = 4  # boxes that the panel has room for


def draw_localisation(prediction: Localisation) -> Sheet:
    """Draw the image with its boxes, the map over it with the outline of the mask, and a panel of classes and boxes."""
    sheet, (plain, frame), panel = lay_out(prediction.image, pictures=2)
    show_image(prediction.image, plain, frame)
    if prediction.heat_map is not None:
        blend_heat(frame, prediction.heat_map, 0.65)
    outline(frame, prediction.mask, COLOURS[0], 1.1)
    draw_regions(plain, prediction.boxes)
    draw_scale_bar(plain, prediction.image)

    y = write_title(panel, prediction.image)
    best = int(np.argmax(prediction.probabilities))
    for i, (name, p) in enumerate(zip(prediction.classes, prediction.probabilities, strict=True)):
        if i == best or name == prediction.shown or len(prediction.classes) <= 3:
            y = draw_bar(panel, y, name, float(p), percent(float(p)), COLOURS[0] if i == best else MUTED)
    regions = f"{len(prediction.boxes)} region{'s' * (len(prediction.boxes) != 1)} of {shown(prediction.shown)}"
    panel.text(0.0, y, regions, colour=TEXT, size_pt=10)
    for box, score in list(zip(prediction.boxes, prediction.scores, strict=True))[:LISTED]:
        y -= 0.068
        x1, y1, x2, y2 = (round(float(v)) for v in box)
        panel.text(0.0, y, f"{x2 - x1} × {y2 - y1} px at ({x1}, {y1})", colour=MUTED, size_pt=9)
        panel.text(1.0, y, f"{score:.2f}", colour=TEXT, size_pt=9, ha="right")
    is_seen = prediction.heat_map is not None and prediction.heat_map.any()
    told = f"right: where {shown(prediction.shown)} was seen" if is_seen else "right: no place stands out"
    panel.text(0.0, 0.02, told, colour=MUTED, size_pt=8, va="bottom")
    return sheet


def draw_regions(frame: Frame, boxes: np.ndarray) -> None:
    """Draw boxes (k, 4) of x1, y1, x2, y2."""
    for box in boxes:
        corners = rectangle(*(box - 0.5))  # pixel 0 spans -0.5 to 0.5 here
        frame.strokes([corners], colour=COLOURS[1], width_pt=1.4, halo=HALO, closed=True)
