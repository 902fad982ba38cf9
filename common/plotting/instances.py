"""Overlays of objects one by one: an outline each, in a colour that none of its neighbours has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from zoo.common.instances.measures import add_up
from zoo.common.numbers import written
from zoo.common.plotting.panel import (
    MUTED,
    contours,
    draw_scale_bar,
    lay_out,
    show_image,
    write_row,
    write_title,
)
from zoo.common.plotting.sheet import Frame, Sheet
from zoo.common.plotting.text import shown

if TYPE_CHECKING:
    from zoo.common.answers.instances import Instances

# far from pink, violet and blue of stained tissue, from the black of fluorescence, and from each other
OUTLINES = ("#ffe119", "#00e5ff", "#3cff3c", "#ff7a00", "#ffffff", "#ff2d2d", "#8a5cff", "#00a86b")
APART_PX = 4  # objects with no more than this between them are neighbours
LARGEST_PX = 2000  # side of what is drawn; larger fields are thinned out
INSIDE = 0.9  # level of the contour, so that the outlines of two that touch lie side by side
LISTED = 8


def draw_instances(prediction: Instances) -> Sheet:
    """Draw the plain picture, the picture with every object outlined, and a panel of counts, density and sizes."""
    step = -(-max(prediction.instances.shape) // LARGEST_PX)
    spacing = prediction.image.spacing_mm
    image = replace(
        prediction.image,
        array=prediction.image.array[..., ::step, ::step],
        spacing_mm=None if spacing is None else tuple(side * step for side in spacing),
    )
    sheet, (plain, frame), panel = lay_out(image, pictures=2)
    show_image(image, plain, frame)
    _outline(frame, prediction.instances[::step, ::step], len(prediction))
    draw_scale_bar(plain, image)
    _write_counts(panel, prediction)
    return sheet


def colour_neighbours(instances: np.ndarray, count: int) -> np.ndarray:
    """Give each object 1..count the first colour (a number from 0) that none of its neighbours has; (count,)."""
    pairs = neighbours(instances)
    near: list[list[int]] = [[] for _ in range(count)]
    for a, b in pairs.tolist():
        near[a - 1].append(b - 1)
        near[b - 1].append(a - 1)
    colours = np.full(count, -1)
    for place in sorted(range(count), key=lambda i: -len(near[i])):
        taken = {int(colours[other]) for other in near[place]}
        start = place % 3  # not all that stand alone in the same colour
        colours[place] = next(c for c in (*range(start, 6), *range(len(taken) + 7)) if c not in taken)
    return colours


def neighbours(instances: np.ndarray) -> np.ndarray:
    """List the pairs (k, 2) of objects that touch or nearly touch, the smaller number first."""
    padded = np.pad(instances.astype(np.int32), APART_PX)  # the background is nobody's neighbour
    flat, width = padded.ravel(), padded.shape[1]
    places = _near_others(padded)
    here, most = flat[places].astype(np.int64), int(padded.max()) + 1
    found = [np.zeros(0, np.int64)]
    for dy in range(APART_PX + 1):
        for dx in range(-APART_PX, APART_PX + 1):
            if (dy, dx) > (0, 0):
                there = flat[places + dy * width + dx]
                differ = (there > 0) & (here != there)
                one, other = here[differ], there[differ]
                found.append(np.unique(np.minimum(one, other) * most + np.maximum(one, other)))
    return np.stack(np.divmod(np.unique(np.concatenate(found)), most), axis=1)


def _near_others(padded: np.ndarray) -> np.ndarray:
    """Return the flat places of pixels of an object with a pixel of another one near: few, and all that can tell."""
    side = 2 * APART_PX + 1
    largest = ndimage.maximum_filter(padded, side, mode="constant")
    lowest = ndimage.minimum_filter(np.where(padded > 0, padded, np.iinfo(np.int32).max), side, mode="nearest")
    return np.flatnonzero((padded > 0) & ((largest != padded) | (lowest != padded)))


def _outline(frame: Frame, instances: np.ndarray, count: int) -> None:
    colours = colour_neighbours(instances, count)
    coloured = np.concatenate([[0], colours + 1])[np.pad(instances, 1)]
    # objects of one colour lie apart, so that one pass finds the outlines of all of them
    lines = [
        [line - 1 for line in contours(coloured == colour + 1, INSIDE)] for colour in range(colours.max(initial=-1) + 1)
    ]
    crowd = np.sqrt(max(1, sum(map(len, lines))) / 100)
    width = float(np.clip(1.6 / crowd, 0.55, 1.6))
    everything = [line for own in lines for line in own]
    frame.strokes(everything, colour="black", width_pt=2.2 * width, alpha=0.45)
    for colour, own in enumerate(lines):
        frame.strokes(own, colour=OUTLINES[colour % len(OUTLINES)], width_pt=width)


def _write_counts(panel: Frame, prediction: Instances) -> None:
    y = write_title(panel, prediction.image)
    if not len(prediction):
        panel.text(0.0, y, "nothing found", colour=MUTED, size_pt=10)
        return
    for name, count in list(prediction.counts.items())[:LISTED]:
        write_row(panel, y, shown(name), f"{count:,}", 10)
        y -= 0.075
    unit = "px" if prediction.image.spacing_mm is None else "µm"
    area = add_up(prediction.instances, len(prediction))
    if prediction.image.spacing_mm is not None:
        area *= float(np.prod(prediction.image.spacing_mm[-2:])) * 1e6
    lines = [("median diameter", written(float(np.median(np.sqrt(4 * area / np.pi))), unit))]
    lines.append(("median area", written(float(np.median(area)), f"{unit}²")))
    lines.append(("share of the picture", f"{prediction.mask.mean():.1%}"))
    if prediction.per_mm2 is not None:
        lines.append(("density", f"{prediction.per_mm2:,.0f} per mm²"))
    for name, value in lines:
        write_row(panel, y, name, value, 8.5, MUTED)
        y -= 0.06
