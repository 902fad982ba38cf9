"""The slice, the slice as it would be without the finding, and the map, side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.colours import COLOURS
from zoo.common.numbers import percent
from zoo.common.plotting.localisation import draw_regions
from zoo.common.plotting.panel import (
    MUTED,
    TEXT,
    blend_heat,
    draw_bar,
    draw_scale_bar,
    lay_out,
    outline,
    show_image,
    write_title,
)
from zoo.common.plotting.sheet import Sheet
from zoo.common.plotting.text import shown

if TYPE_CHECKING:
    from .answer import Repainted

FAINT = 0.15  # a map that stays below is drawn faint; others are drawn up to their own maximum


def draw_repainted(prediction: Repainted) -> Sheet:
    """Draw the slice with its boxes, the healthy slice, the map over the slice with the mask's outline, and a panel."""
    sheet, (plain, healthy, frame), panel = lay_out(prediction.image, pictures=3)
    show_image(prediction.image, plain, frame)
    painted = prediction.healthy.clip(0, 255)[None].astype(np.float32)
    show_image(replace(prediction.image, array=painted), healthy)
    h, w = prediction.image.size[-2:]
    heat = np.zeros((h, w)) if prediction.heat_map is None else np.clip(prediction.heat_map, 0, 1)
    blend_heat(frame, heat / max(float(heat.max()), FAINT), 0.75)
    outline(frame, prediction.mask, COLOURS[0], 1.1)
    draw_regions(plain, prediction.boxes)
    draw_scale_bar(plain, prediction.image)
    for each, title in ((plain, "slice"), (healthy, "painted healthy"), (frame, f"map of {prediction.shown}")):
        each.text(0.02 * w - 0.5, 0.02 * h - 0.5, shown(title), colour=TEXT, size_pt=8)

    y = write_title(panel, prediction.image)
    best = int(np.argmax(prediction.probabilities))
    for i, (name, p) in enumerate(zip(prediction.classes, prediction.probabilities, strict=True)):
        y = draw_bar(panel, y, name, float(p), percent(float(p)), COLOURS[0] if i == best else MUTED)
    regions = f"{len(prediction.boxes)} region{'s' * (len(prediction.boxes) != 1)} of {shown(prediction.shown)}"
    panel.text(0.0, y, regions, colour=TEXT, size_pt=10)
    panel.text(
        0.0,
        0.02,
        f"mask: {percent(float(prediction.mask.mean()))} of the picture",
        colour=MUTED,
        size_pt=8,
        va="baseline",
    )
    return sheet
