"""Overlays of segmentations: a picture with its classes, or three planes of a volume through what was found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from zoo.common.answers.segmentation import written_size
from zoo.common.plotting import (
    BACKGROUND,
    COLOURS,
    DPI,
    HEIGHT_IN,
    MUTED,
    PANEL_IN,
    TEXT,
    draw_scale_bar,
    lay_out,
    pixel_aspect,
    show_image,
    write_title,
)
from zoo.common.plotting.text import drawable
from zoo.common.transforms.orientation import to_canonical
from zoo.common.types import Image

if TYPE_CHECKING:
    from zoo.common.answers.segmentation import Segmentation

FILL = 0.35  # opacity of a class
LISTED = 9  # classes that the panel has room for
MARGIN_IN = 0.14
PLANES = ("axial", "coronal", "sagittal")  # cut across the axes d, h, w of a volume in canonical order


def draw_segmentation(prediction: Segmentation) -> Figure:
    """Draw the classes over the image, and a panel of their names and sizes."""
    if prediction.labels.ndim == 3:
        return _draw_volume(prediction)
    figure, (plain, canvas), panel = lay_out(prediction.image, pictures=2)
    for axes in (plain, canvas):
        show_image(axes, prediction.image)
    _draw_classes(canvas, prediction.labels, pixel_aspect(prediction.image))
    draw_scale_bar(plain, prediction.image)
    _write_classes(panel, prediction)
    return figure


def _draw_volume(prediction: Segmentation) -> Figure:
    image, labels = to_canonical(prediction.image), prediction.labels
    labels = to_canonical(replace(prediction.image, array=labels[None])).array[0]
    places = busiest_planes(labels)
    views = [plane(image, labels, axis, place) for axis, place in enumerate(places)]
    height = HEIGHT_IN * 0.8
    widths = [float(np.clip(height / _tallness(image), 0.35 * height, 1.6 * height)) for image, _ in views]
    total = sum(widths) + MARGIN_IN * (len(widths) + 2) + PANEL_IN
    tall = height + 2 * MARGIN_IN + 0.25
    figure = Figure(figsize=(total, tall), dpi=DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    left = MARGIN_IN
    for axis, ((image, labels), width) in enumerate(zip(views, widths, strict=True)):
        canvas = figure.add_axes((left / total, MARGIN_IN / tall, width / total, height / tall))
        canvas.set_axis_off()
        show_image(canvas, image)
        _draw_classes(canvas, labels, pixel_aspect(image))
        if axis == 0:
            draw_scale_bar(canvas, image)
        canvas.set_title(f"{PLANES[axis]}, slice {places[axis]}", color=MUTED, fontsize=8, pad=4)
        left += width + MARGIN_IN
    panel = figure.add_axes((left / total, MARGIN_IN / tall, (PANEL_IN - MARGIN_IN) / total, height / tall))
    panel.set_axis_off()
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1)
    _write_classes(panel, prediction)
    return figure


def busiest_planes(labels: np.ndarray) -> tuple[int, ...]:
    """Return the index along each axis at which most voxels belong to a class; the middle where none does."""
    found = labels > 0
    places = []
    for axis in range(labels.ndim):
        counts = found.sum(axis=tuple(i for i in range(labels.ndim) if i != axis))
        places.append(int(counts.argmax()) if counts.any() else labels.shape[axis] // 2)
    return tuple(places)


def plane(image: Image, labels: np.ndarray, axis: int, place: int) -> tuple[Image, np.ndarray]:
    """Cut one plane of a volume in canonical order, as radiologists look at it: front or head up, right side left.

    Where the place of the volume is unknown, only the last slice is put on top.
    """
    array, labels = np.take(image.array, place, axis=axis + 1), np.take(labels, place, axis=axis)
    spacing = None if image.spacing_mm is None else tuple(s for i, s in enumerate(image.spacing_mm) if i != axis)
    if axis or image.affine is not None:
        array, labels = array[:, ::-1], labels[::-1]
    if image.affine is not None:
        array, labels = array[..., ::-1], labels[..., ::-1]
    return replace(image, array=array, spacing_mm=spacing, affine=None), labels


def _tallness(image: Image) -> float:
    h, w = image.size
    return h * pixel_aspect(image) / w


def _draw_classes(canvas: Axes, labels: np.ndarray, aspect: float) -> None:
    colours = np.zeros((*labels.shape, 4))
    present = [int(index) for index in np.unique(labels) if index]
    for index in present:
        colours[labels == index] = to_rgba(_colour(index), FILL)
    canvas.imshow(colours, interpolation="nearest", aspect=aspect)
    for index in present:
        mask = labels == index
        if min(mask.shape) > 1 and not mask.all():
            canvas.contour(mask, levels=[0.5], colors=[_colour(index)], linewidths=1.2)


def _write_classes(panel: Axes, prediction: Segmentation) -> None:
    y = write_title(panel, prediction.image)
    rows = prediction.rows()
    shown = sorted(rows, key=lambda row: -float(row["share"]))[:LISTED] if len(rows) > LISTED else rows
    for row in shown:
        index = prediction.classes.index(str(row["class"]))
        colour = _colour(index) if row["share"] else BACKGROUND
        panel.add_patch(Rectangle((0, y - 0.045), 0.05, 0.045, facecolor=colour, edgecolor=_colour(index)))
        panel.text(0.08, y, drawable(str(row["class"])), color=TEXT if row["share"] else MUTED, fontsize=10, va="top")
        size = written_size(row) if row["share"] else "not found"
        panel.text(1.0, y, size, color=TEXT if row["share"] else MUTED, fontsize=10, va="top", ha="right")
        y -= 0.08
    if len(rows) > len(shown):
        panel.text(0.08, y, f"and {len(rows) - len(shown)} more", color=MUTED, fontsize=8, va="top")


def _colour(index: int) -> str:
    return COLOURS[(index - 1) % len(COLOURS)]
