"""Overlays of detections: thin boxes with their scores, and the best of them enlarged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow

from zoo.common.colours import COLOURS
from zoo.common.plotting.marks import Halo
from zoo.common.plotting.panel import (
    MUTED,
    TEXT,
    as_picture,
    draw_scale_bar,
    lay_out,
    pixel_aspect,
    rectangle,
    show_image,
    write_title,
)
from zoo.common.plotting.sheet import Frame, Sheet
from zoo.common.plotting.text import shown
from zoo.common.types import Image

if TYPE_CHECKING:
    from zoo.common.answers.boxes import Boxes

LABELLED = 20  # with more boxes, scores beside them would cover each other
ENLARGED = 6  # boxes that the panel has room for
SMALL = 0.12  # of the picture's width: boxes below are enlarged
AROUND = 2.5  # sides of a box that its enlargement shows
LETTERS = 28  # of a class
GAP_IN = 0.21  # between two rows of enlargements, for the words
THIN = Halo(2.2, 0.6)


def draw_boxes(prediction: Boxes) -> Sheet:
    """Draw the boxes over the picture, or over the slice of a volume with the best one, and enlarge small ones."""
    picture, chosen = _picture(prediction)
    sheet, (frame,), panel = lay_out(picture, pictures=1)
    show_image(picture, frame)
    labelled = len(chosen) <= LABELLED
    for i in chosen:
        _draw_box(frame, prediction, int(i), 1.1, labelled)
    draw_scale_bar(frame, picture)

    y = write_title(panel, prediction.image)
    for k, name in enumerate(prediction.classes):
        count = int((prediction.labels == k).sum())
        panel.text(0.0, y, "■", colour=COLOURS[k % len(COLOURS)] if count else MUTED, size_pt=10)
        panel.text(0.09, y, shown(name, LETTERS), colour=TEXT, size_pt=10)
        panel.text(1.0, y, f"{count:,}", colour=TEXT, size_pt=10, ha="right")
        y -= 0.068
    if len(chosen) < len(prediction.boxes):
        panel.text(0.0, y, f"{len(chosen):,} of them in this slice", colour=MUTED, size_pt=8)
    _enlarge(sheet, panel, prediction, picture, chosen)
    return sheet


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


def _draw_box(frame: Frame, prediction: Boxes, i: int, width: float, labelled: bool) -> None:
    box = prediction.boxes[i, :4].astype(np.float64) - 0.5  # pixel 0 spans -0.5 to 0.5 here
    colour = COLOURS[int(prediction.labels[i]) % len(COLOURS)]
    frame.strokes([rectangle(*box)], colour=colour, width_pt=width, halo=THIN, closed=True)
    if labelled:
        x1, y1, x2, _ = box + 0.5
        inwards = x2 > 0.93 * prediction.image.size[-1]  # beside the right border a score would be cut off
        label, rim = f" {prediction.scores[i]:.2f} ", Halo(1.8, 0.75)
        where = (x1, "right") if inwards else (x2, "left")
        frame.text(where[0], y1 - 0.5, label, colour=colour, size_pt=7, ha=where[1], va="bottom", halo=rim, clip=True)


def _enlarge(sheet: Sheet, panel: Frame, prediction: Boxes, picture: Image, chosen: np.ndarray) -> None:
    """Show the best small boxes in a grid at the foot of the panel."""
    sides = (prediction.boxes[:, 2:4] - prediction.boxes[:, :2]).max(axis=1, initial=0)
    small = [int(i) for i in chosen if sides[i] < SMALL * picture.size[-1]][:ENLARGED]
    left, bottom, width, _ = panel.box_in
    cell, rows = width / 3, (len(small) + 2) // 3
    pixels = as_picture(picture)
    for place, i in enumerate(small):
        row, column = divmod(place, 3)
        corner = left + column * cell, bottom + (rows - 1 - row) * (cell + GAP_IN)
        frame = sheet.add_frame((*corner, 0.94 * cell, 0.94 * cell))
        _show_around(frame, pixels, prediction.boxes[i, :4], pixel_aspect(picture))
        _draw_box(frame, prediction, i, 1.2, labelled=False)
        diameters = prediction.diameters_mm
        size = f"{sides[i]:.0f} px" if diameters is None else f"{diameters[i]:.1f} mm"
        x, top = frame.box_in[0] + frame.box_in[2] / 2, frame.box_in[1] + frame.box_in[3]
        told = f"{prediction.scores[i]:.2f} · {size}"
        sheet.write((x, top + 2 / 72), told, colour=TEXT, size_pt=6.5, ha="centre")


def _show_around(frame: Frame, pixels: Pillow.Image, box: np.ndarray, aspect: float) -> None:
    """Show what lies around a box, in the coordinates of the whole picture."""
    (w, h), (x1, y1, x2, y2) = pixels.size, (float(side) for side in box)
    half = AROUND / 2 * max(x2 - x1, y2 - y1, 4)
    x0, x3 = (int(np.clip(round((x1 + x2) / 2 + side), 0, w)) for side in (-half, half))
    y0, y3 = (int(np.clip(round((y1 + y2) / 2 + side), 0, h)) for side in (-half, half))
    frame.show(pixels.crop((x0, y0, max(x3, x0 + 1), max(y3, y0 + 1))), aspect, sharp=True)
    frame.x_range, frame.y_range = (x0 - 0.5, x3 - 0.5), (y3 - 0.5, y0 - 0.5)
