"""Overlays worth looking at: what a model found, drawn over the image by matplotlib without global state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyBboxPatch
from matplotlib.patheffects import Normal, Stroke

from zoo.common.colours import COLOURS as COLOURS
from zoo.common.numbers import name_and_unit, percent, written
from zoo.common.plotting.text import NAME, drawable
from zoo.common.types import Image

if TYPE_CHECKING:
    from zoo.common.answers.classification import Classification
    from zoo.common.answers.ellipses import Ellipses

BACKGROUND, PANEL, TEXT, MUTED = "#0e1116", "#1b2028", "#f2f5f9", "#93a1b3"
HALO = [Stroke(linewidth=3.6, foreground="black", alpha=0.55), Normal()]
HEIGHT_IN, PANEL_IN, DPI = 4.4, 2.75, 150
NOTE_LETTERS_PER_IN = 18  # of 7 points, on the average
MAX_BARS = 5  # most probable classes that the panel has room for


def draw_ellipses(prediction: Ellipses) -> Figure:
    """Draw the image, each ellipse with its axes, and a panel of classes, scores and measurements."""
    figure, (canvas,), panel = lay_out(prediction.image, pictures=1)
    show_image(canvas, prediction.image)
    colours = []
    for kind, cx, cy, a, b, angle in prediction.ellipses:
        colour = COLOURS[int(kind) % len(COLOURS)]
        colours.append(colour)
        _draw_ellipse(canvas, (cx, cy), (a, b), angle, colour)
    draw_scale_bar(canvas, prediction.image)

    y = write_title(panel, prediction.image)
    names = [prediction.classes[int(kind)] for kind in prediction.ellipses[:, 0]]
    if not names:
        panel.text(0.0, y, "no ellipse found", color=MUTED, fontsize=10, va="top")
    for name, score, colour in zip(names, prediction.scores, colours, strict=True):
        y = draw_bar(panel, y, name, float(score), f"{score:.2f}", colour)
    write_measurements(panel, y - 0.01, prediction.measurements)
    return figure


def draw_classification(prediction: Classification) -> Figure:
    """Draw the image, the heat map over it when there is one, and a bar of probability per class."""
    has_map = prediction.heat_map is not None
    figure, canvases, panel = lay_out(prediction.image, pictures=2 if has_map else 1)
    for canvas in canvases:
        show_image(canvas, prediction.image)
    if prediction.heat_map is not None:
        heat = np.clip(prediction.heat_map, 0, 1)
        h, w = prediction.image.size[-2:]
        # opaque only where it is hot, so that the anatomy stays visible
        canvases[1].imshow(
            heat, cmap="inferno", vmin=0, vmax=1, alpha=0.65 * heat, extent=(-0.5, w - 0.5, h - 0.5, -0.5)
        )
    draw_scale_bar(canvases[0], prediction.image)

    y = write_title(panel, prediction.image)
    best = int(np.argmax(prediction.probabilities))
    likely = set(np.argsort(-prediction.probabilities, kind="stable")[:MAX_BARS].tolist())
    for i, (name, p) in enumerate(zip(prediction.classes, prediction.probabilities, strict=True)):
        if i in likely:
            y = draw_bar(panel, y, name, float(p), percent(float(p)), COLOURS[0] if i == best else MUTED)
    if prediction.heat_map is not None:
        told = "right: where the network looked" if prediction.heat_map.any() else "right: no place stands out"
        panel.text(0.0, 0.02, told, color=MUTED, fontsize=8, va="bottom")
    return figure


def display_values(image: Image) -> np.ndarray:
    """Return the image, or the middle slice of a volume, as (h, w) or (h, w, 3) in [0, 1].

    8-bit ranges are shown as they are; others between their 1st and 99.5th percentile.
    """
    array = image.array if image.array.ndim == 3 else image.array[:, image.array.shape[1] // 2]
    plane = np.moveaxis(array[:3], 0, -1) if array.shape[0] >= 3 else array[0]
    low, high = float(plane.min()), float(plane.max())
    if low < 0 or not 1 < high <= 255:
        low, high = (float(v) for v in np.percentile(plane, (1, 99.5)))
    else:
        low, high = 0.0, 255.0
    return np.clip((plane - low) / max(high - low, 1e-6), 0, 1)


def lay_out(image: Image, pictures: int) -> tuple[Figure, list[Axes], Axes]:
    """Lay out pictures side by side with a text panel on the right."""
    h, w = image.size[-2:]
    width = float(np.clip(HEIGHT_IN * w / (h * pixel_aspect(image)), 0.6 * HEIGHT_IN, 2 * HEIGHT_IN))
    margin, total = 0.14, pictures * (width + 0.14) + PANEL_IN + 0.3
    figure = Figure(figsize=(total, HEIGHT_IN + 2 * margin), dpi=DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    bottom, height = margin / (HEIGHT_IN + 2 * margin), HEIGHT_IN / (HEIGHT_IN + 2 * margin)
    lefts = [margin + i * (width + margin) for i in range(pictures)]
    axes = [figure.add_axes((left / total, bottom, width / total, height)) for left in lefts]
    left = margin + pictures * (width + margin) + 0.1
    panel = figure.add_axes((left / total, bottom, (total - left - margin) / total, height))
    for axis in (*axes, panel):
        axis.set_axis_off()
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1)
    return figure, axes, panel


def pixel_aspect(image: Image) -> float:
    """Height of a pixel over its width."""
    return 1.0 if image.spacing_mm is None else image.spacing_mm[-2] / image.spacing_mm[-1]


def show_image(canvas: Axes, image: Image) -> None:
    canvas.imshow(
        display_values(image), cmap="gray", vmin=0, vmax=1, aspect=pixel_aspect(image), interpolation="antialiased"
    )
    h, w = image.size[-2:]
    canvas.set_xlim(-0.5, w - 0.5)  # an ellipse may pass beyond the image
    canvas.set_ylim(h - 0.5, -0.5)


def _draw_ellipse(
    canvas: Axes, centre: tuple[float, float], semi_axes: tuple[float, float], angle_rad: float, colour: str
) -> None:
    a, b = semi_axes
    outline = Ellipse(centre, 2 * a, 2 * b, angle=math.degrees(angle_rad), fill=False, edgecolor=colour, linewidth=2)
    outline.set_path_effects(HALO)
    canvas.add_patch(outline)
    along = np.array([math.cos(angle_rad), math.sin(angle_rad)])
    across = np.array([-along[1], along[0]])
    for direction, length, style in ((along, a, "-"), (across, b, (0, (3, 2.5)))):
        ends = np.array([centre - direction * length, centre + direction * length])
        canvas.plot(*ends.T, linestyle=style, color=colour, linewidth=0.9, alpha=0.8)
        canvas.plot(*ends.T, "o", color=colour, markersize=3.4, markeredgecolor="black", markeredgewidth=0.5)
    canvas.plot(*centre, "+", color=colour, markersize=7, markeredgewidth=1.2)


def draw_scale_bar(canvas: Axes, image: Image) -> None:
    """Draw a round number of millimetres, about a quarter of the width, at the lower left."""
    if image.spacing_mm is None:
        return
    h, w = image.size[-2:]
    target = 0.25 * w * image.spacing_mm[-1]
    power = 10 ** math.floor(math.log10(target))
    length_mm = max(step * power for step in (1, 2, 5) if step * power <= target)
    x, y, length = 0.04 * w, 0.95 * h, length_mm / image.spacing_mm[-1]
    (line,) = canvas.plot([x, x + length], [y, y], color="white", linewidth=2.4, solid_capstyle="butt")
    text = canvas.text(x + length / 2, y - 0.02 * h, f"{length_mm:g} mm", color="white", fontsize=8, ha="center")
    line.set_path_effects([Stroke(linewidth=4.4, foreground="black", alpha=0.6), Normal()])
    text.set_path_effects([Stroke(linewidth=2, foreground="black", alpha=0.7), Normal()])


def write_title(panel: Axes, image: Image) -> float:
    name = image.name.replace("\\", "/").rsplit("/", 1)[-1]  # the folders are said elsewhere, and long
    panel.text(0.0, 0.99, drawable(name, NAME), color=TEXT, fontsize=11, fontweight="bold", va="top")
    size = " × ".join(str(n) for n in reversed(image.size))
    spacing = image.spacing_mm
    known = "pixel size unknown" if spacing is None else " × ".join(f"{s:.3g}" for s in reversed(spacing)) + " mm"
    panel.text(0.0, 0.915, f"{size} px  ·  {known}", color=MUTED, fontsize=8, va="top")
    return 0.82


def draw_bar(panel: Axes, y: float, name: str, fraction: float, value: str, colour: str) -> float:
    """Draw a named bar below y and return where the next line starts."""
    panel.text(0.0, y, drawable(name), color=TEXT, fontsize=10, va="top")
    panel.text(1.0, y, value, color=TEXT, fontsize=10, va="top", ha="right")
    for length, shade in ((1.0, PANEL), (float(np.clip(fraction, 0, 1)), colour)):
        if length > 0.005:
            style = "round,pad=0,rounding_size=0.008"
            panel.add_patch(FancyBboxPatch((0, y - 0.085), length, 0.022, boxstyle=style, color=shade, linewidth=0))
    return y - 0.13


def write_measurements(panel: Axes, y: float, measurements: dict[str, float]) -> None:
    for name, value in measurements.items():
        label, unit = name_and_unit(name)
        panel.text(0.0, y, drawable(label), color=MUTED, fontsize=9.5, va="top")
        panel.text(1.0, y, written(value, unit), color=TEXT, fontsize=9.5, va="top", ha="right")
        y -= 0.068


def write_note(figure: Figure, text: str) -> None:
    """Write a warning along the lower edge, cut where it would leave the picture."""
    room = int(figure.get_figwidth() * NOTE_LETTERS_PER_IN)
    shown = text if len(text) <= room else f"{text[: room - 1]}…"
    label = figure.text(0.01, 0.012, shown, color="black", fontsize=7, va="bottom", ha="left")
    label.set_bbox({"facecolor": COLOURS[1], "edgecolor": "none", "pad": 2})
