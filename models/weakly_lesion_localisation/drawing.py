"""The slice, the slice as it would be without the finding, and the map, side by side."""

from __future__ import annotations

from dataclasses import replace
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
    from .answer import Repainted

FAINT = 0.15  # a map that stays below is drawn faint; others are drawn up to their own maximum


def draw_repainted(prediction: Repainted) -> Figure:
    """Draw the slice with its boxes, the healthy slice, the map over the slice with the mask's outline, and a panel."""
    figure, (plain, healthy, canvas), panel = lay_out(prediction.image, pictures=3)
    show_image(plain, prediction.image)
    painted = prediction.healthy.clip(0, 255)[None].astype(np.float32)
    show_image(healthy, replace(prediction.image, array=painted))
    show_image(canvas, prediction.image)
    h, w = prediction.image.size[-2:]
    heat = np.zeros((h, w)) if prediction.heat_map is None else np.clip(prediction.heat_map, 0, 1)
    heat = heat / max(float(heat.max()), FAINT)
    canvas.imshow(heat, cmap="inferno", vmin=0, vmax=1, alpha=0.75 * heat, extent=(-0.5, w - 0.5, h - 0.5, -0.5))
    if prediction.mask.any():
        canvas.contour(prediction.mask.astype(float), levels=[0.5], colors=[COLOURS[0]], linewidths=1.1)
    for x1, y1, x2, y2 in prediction.boxes:
        box = Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, edgecolor=COLOURS[1], linewidth=1.4)
        box.set_path_effects(HALO)
        plain.add_patch(box)
    draw_scale_bar(plain, prediction.image)
    for axes, title in ((plain, "slice"), (healthy, "painted healthy"), (canvas, f"map of {prediction.shown}")):
        axes.text(0.02, 0.98, drawable(title), transform=axes.transAxes, color=TEXT, fontsize=8, va="top")

    y = write_title(panel, prediction.image)
    best = int(np.argmax(prediction.probabilities))
    for i, (name, p) in enumerate(zip(prediction.classes, prediction.probabilities, strict=True)):
        y = draw_bar(panel, y, name, float(p), percent(float(p)), COLOURS[0] if i == best else MUTED)
    regions = f"{len(prediction.boxes)} region{'s' * (len(prediction.boxes) != 1)} of {drawable(prediction.shown)}"
    panel.text(0.0, y, regions, color=TEXT, fontsize=10, va="top")
    panel.text(0.0, 0.02, f"mask: {percent(float(prediction.mask.mean()))} of the picture", color=MUTED, fontsize=8)
    return figure
