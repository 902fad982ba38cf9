"""Overlays of segmentations: a picture with its classes, or three planes of a volume through what was found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.answers.segmentation import written_size
from zoo.common.colours import COLOURS
from zoo.common.plotting.panel import (
    BACKGROUND,
    HEIGHT_IN,
    MARGIN_IN,
    MUTED,
    PANEL_IN,
    TEXT,
    blend_classes,
    draw_scale_bar,
    draw_swatch,
    lay_out,
    outline,
    pixel_aspect,
    show_image,
    write_title,
)
from zoo.common.plotting.sheet import Frame, Sheet
from zoo.common.plotting.text import shown
from zoo.common.transforms.orientation import canonical_view
from zoo.common.types import Image

if TYPE_CHECKING:
    from zoo.common.answers.segmentation import Segmentation

FILL = 0.35  # opacity of a class
LISTED = 9  # classes that the panel has room for
PLANES = ("axial", "coronal", "sagittal")  # cut across the axes d, h, w of a volume in canonical order


def draw_segmentation(prediction: Segmentation) -> Sheet:
    """Draw the classes over the image, and a panel of their names and sizes."""
    if prediction.labels.ndim == 3:
        return _draw_volume(prediction)
    sheet, (plain, frame), panel = lay_out(prediction.image, pictures=2)
    show_image(prediction.image, plain, frame)
    _draw_classes(frame, prediction.labels)
    draw_scale_bar(plain, prediction.image)
    _write_classes(panel, prediction)
    return sheet


def _draw_volume(prediction: Segmentation) -> Sheet:
    image = canonical_view(prediction.image)
    labels = canonical_view(replace(prediction.image, array=prediction.labels[None])).array[0]
    places = busiest_planes(labels)
    views = [plane(image, labels, axis, place) for axis, place in enumerate(places)]
    height = HEIGHT_IN * 0.8
    widths = [float(np.clip(height / _tallness(image), 0.35 * height, 1.6 * height)) for image, _ in views]
    total = sum(widths) + MARGIN_IN * (len(widths) + 2) + PANEL_IN
    tall = height + 2 * MARGIN_IN + 0.25
    sheet = Sheet((total, tall), BACKGROUND)
    left = MARGIN_IN
    for axis, ((image, labels), width) in enumerate(zip(views, widths, strict=True)):
        frame = sheet.add_frame((left, MARGIN_IN, width, height))
        show_image(image, frame)
        _draw_classes(frame, labels)
        if axis == 0:
            draw_scale_bar(frame, image)
        x, top = frame.box_in[0] + frame.box_in[2] / 2, frame.box_in[1] + frame.box_in[3]
        sheet.write((x, top + 4 / 72), f"{PLANES[axis]}, slice {places[axis]}", colour=MUTED, size_pt=8, ha="centre")
        left += width + MARGIN_IN
    panel = sheet.add_frame((left, MARGIN_IN, PANEL_IN - MARGIN_IN, height))
    _write_classes(panel, prediction)
    return sheet


def busiest_planes(labels: np.ndarray) -> tuple[int, ...]:
    """Return the index along each axis at which most voxels belong to a class; the middle where none does."""
    found = labels > 0
    along = found.sum(axis=0, dtype=np.int32)  # one pass over the volume serves the two other axes
    counts = np.array([np.count_nonzero(part) for part in found]), along.sum(axis=1), along.sum(axis=0)
    return tuple(int(each.argmax()) if each.any() else len(each) // 2 for each in counts)


def plane(image: Image, labels: np.ndarray, axis: int, place: int) -> tuple[Image, np.ndarray]:
    """Cut one plane of a volume in canonical order, as radiologists look at it: front or head up, right side left.

    Where the place of the volume is unknown, only the last slice is put on top.
    """
    cut = (slice(None),) * axis + (place,)  # np.take would copy the whole of a volume that was turned
    array, labels = image.array[(slice(None), *cut)], labels[cut]
    spacing = None if image.spacing_mm is None else tuple(s for i, s in enumerate(image.spacing_mm) if i != axis)
    if axis or image.affine is not None:
        array, labels = array[:, ::-1], labels[::-1]
    if image.affine is not None:
        array, labels = array[..., ::-1], labels[..., ::-1]
    return replace(image, array=array, spacing_mm=spacing, affine=None), labels


def _tallness(image: Image) -> float:
    h, w = image.size
    return h * pixel_aspect(image) / w


def _draw_classes(frame: Frame, labels: np.ndarray) -> None:
    present = {int(index): _colour(int(index)) for index in np.flatnonzero(np.bincount(labels.ravel())) if index}
    blend_classes(frame, labels, present, FILL)
    for index, colour in present.items():
        outline(frame, labels == index, colour, 1.2)


def _write_classes(panel: Frame, prediction: Segmentation) -> None:
    y = write_title(panel, prediction.image)
    rows = prediction.rows()
    listed = sorted(rows, key=lambda row: -float(row["share"]))[:LISTED] if len(rows) > LISTED else rows
    for row in listed:
        index = prediction.classes.index(str(row["class"]))
        colour = _colour(index) if row["share"] else BACKGROUND
        draw_swatch(panel, y, colour, _colour(index))
        panel.text(0.08, y, shown(str(row["class"])), colour=TEXT if row["share"] else MUTED, size_pt=10)
        size = written_size(row) if row["share"] else "not found"
        panel.text(1.0, y, size, colour=TEXT if row["share"] else MUTED, size_pt=10, ha="right")
        y -= 0.08
    if len(rows) > len(listed):
        panel.text(0.08, y, f"and {len(rows) - len(listed)} more", colour=MUTED, size_pt=8)


def _colour(index: int) -> str:
    return COLOURS[(index - 1) % len(COLOURS)]
