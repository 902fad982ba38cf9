"""Overlays of localisations: the map over the image, the outline of the mask, the boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from zoo.common.numbers import percent
from zoo.common.plotting import (
    COLOURS,
    HALO,
    MUTED,
    TEXT,
    draw_bar,
    draw_scale_bar,
    lay_out,
    show_image,
    write_title,
)
from zoo.common.plotting.text import drawable

if TYPE_CHECKING:
    from zoo.common.answers.localisation import Localisation

LISTED = 4  # boxes that the panel has room for


def draw_localisation(prediction: Localisation) -> Figure:
    """Draw the image with its boxes, the map over it with the outline of the mask, and a panel of classes and boxes."""
    figure, (plain, canvas), panel = lay_out(prediction.image, pictures=2)
    for axes in (plain, canvas):
        show_image(axes, prediction.image)
    h, w = prediction.image.size[-2:]
    if prediction.heat_map is not None:
        heat = np.clip(prediction.heat_map, 0, 1)
        # opaque only where it is hot, so that the anatomy stays visible
        canvas.imshow(heat, cmap="inferno", vmin=0, vmax=1, alpha=0.65 * heat, extent=(-0.5, w - 0.5, h - 0.5, -0.5))
    if prediction.mask.any():
        canvas.contour(prediction.mask.astype(float), levels=[0.5], colors=[COLOURS[0]], linewidths=1.1)
    for x1, y1, x2, y2 in prediction.boxes:
        corner = (x1 - 0.5, y1 - 0.5)  # pixel 0 spans -0.5 to 0.5 here
        box = Rectangle(corner, x2 - x1, y2 - y1, fill=False, edgecolor=COLOURS[1], linewidth=1.4)
        box.set_path_effects(HALO)
        plain.add_patch(box)
    draw_scale_bar(plain, prediction.image)

    y = write_title(panel, prediction.image)
    best = int(np.argmax(prediction.probabilities))
    for i, (name, p) in enumerate(zip(prediction.classes, prediction.probabilities, strict=True)):
        if i == best or name == prediction.shown or len(prediction.classes) <= 3:
            y = draw_bar(panel, y, name, float(p), percent(float(p)), COLOURS[0] if i == best else MUTED)
    regions = f"{len(prediction.boxes)} region{'s' * (len(prediction.boxes) != 1)} of {drawable(prediction.shown)}"
    panel.text(0.0, y, regions, color=TEXT, fontsize=10, va="top")
    for box, score in list(zip(prediction.boxes, prediction.scores, strict=True))[:LISTED]:
        y -= 0.068
        x1, y1, x2, y2 = (round(float(v)) for v in box)
        panel.text(0.0, y, f"{x2 - x1} × {y2 - y1} px at ({x1}, {y1})", color=MUTED, fontsize=9, va="top")
        panel.text(1.0, y, f"{score:.2f}", color=TEXT, fontsize=9, va="top", ha="right")
    is_seen = prediction.heat_map is not None and prediction.heat_map.any()
    told = f"right: where {drawable(prediction.shown)} was seen" if is_seen else "right: no place stands out"
    panel.text(0.0, 0.02, told, color=MUTED, fontsize=8, va="bottom")
    return figure
