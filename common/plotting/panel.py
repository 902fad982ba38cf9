"""What overlays share: the picture, its scale bar, and the panel of names, bars and measurements beside it."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image as Pillow

from zoo.common.colours import COLOURS
from zoo.common.numbers import name_and_unit, written
from zoo.common.plotting.marks import Halo
from zoo.common.plotting.sheet import Frame, Sheet
from zoo.common.plotting.text import NAME, shown
from zoo.common.types import Image

BACKGROUND, PANEL, TEXT, MUTED = "#0e1116", "#1b2028", "#f2f5f9", "#93a1b3"
HALO = Halo(3.6, 0.55)
HEIGHT_IN, PANEL_IN, MARGIN_IN = 4.4, 2.75, 0.14
NOTE_LETTERS_PER_IN = 18  # of 7 points, on the average
MANY = 65_536  # pixels from which every n-th tells the percentiles as well as all
ROUND = 0.008  # radius of a bar's corners, in the panel's coordinates


def display_values(image: Image) -> np.ndarray:
    """Return the image, or the middle slice of a volume, as (h, w) or (h, w, 3) in [0, 1].

    8-bit ranges are shown as they are; others between their 1st and 99.5th percentile.
    """
    plane = _plane(image)
    low, high = _range(plane)
    return np.clip((plane - low) / max(high - low, 1e-6), 0, 1)


def _plane(image: Image) -> np.ndarray:
    array = image.array if image.array.ndim == 3 else image.array[:, image.array.shape[1] // 2]
    return np.moveaxis(array[:3], 0, -1) if array.shape[0] >= 3 else array[0]


def _range(plane: np.ndarray) -> tuple[float, float]:
    low, high = float(plane.min()), float(plane.max())
    if low >= 0 and 1 < high <= 255:
        return 0.0, 255.0
    step = max(1, math.isqrt(plane.shape[0] * plane.shape[1] // MANY))
    low, high = (float(v) for v in np.percentile(plane[::step, ::step], (1, 99.5)))
    return low, high


def lay_out(image: Image, pictures: int) -> tuple[Sheet, list[Frame], Frame]:
    """Lay out pictures side by side with a text panel on the right."""
    h, w = image.size[-2:]
    width = float(np.clip(HEIGHT_IN * w / (h * pixel_aspect(image)), 0.6 * HEIGHT_IN, 2 * HEIGHT_IN))
    total = pictures * (width + MARGIN_IN) + PANEL_IN + 0.3
    sheet = Sheet((total, HEIGHT_IN + 2 * MARGIN_IN), BACKGROUND)
    lefts = [MARGIN_IN + i * (width + MARGIN_IN) for i in range(pictures)]
    frames = [sheet.add_frame((left, MARGIN_IN, width, HEIGHT_IN)) for left in lefts]
    left = MARGIN_IN + pictures * (width + MARGIN_IN) + 0.1
    return sheet, frames, sheet.add_frame((left, MARGIN_IN, total - left - MARGIN_IN, HEIGHT_IN))


def pixel_aspect(image: Image) -> float:
    """Height of a pixel over its width."""
    return 1.0 if image.spacing_mm is None else image.spacing_mm[-2] / image.spacing_mm[-1]


def show_image(image: Image, *frames: Frame) -> None:
    """Show the image, or the middle slice of a volume, in grey or in its colours, in frames of one size."""
    pixels = as_picture(image)
    for i, frame in enumerate(frames):
        frame.show(pixels, pixel_aspect(image), beside=frames[0] if i else None)


def as_picture(image: Image) -> Pillow.Image:
    """Return `display_values` as a picture, grey or in colours."""
    plane = _plane(image)
    low, high = _range(plane)
    planes = np.moveaxis(plane, -1, 0) if plane.ndim == 3 else plane[None]
    channels = [Pillow.fromarray(np.ascontiguousarray(_bytes(each, low, high))) for each in planes]
    return channels[0] if len(channels) == 1 else Pillow.merge("RGB", channels)


def _bytes(plane: np.ndarray, low: float, high: float) -> np.ndarray:
    if (low, high) == (0.0, 255.0):
        return plane.astype(np.uint8)
    scaled = np.subtract(plane, low, dtype=np.float32)
    scaled *= np.float32(255 / max(high - low, 1e-6))
    return np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)


def blend_heat(frame: Frame, heat: np.ndarray, opacity: float) -> None:
    """Lay a map of 0 to 1 over a picture, opaque only where it is hot, so that the anatomy stays visible."""
    from matplotlib import colormaps

    levels = np.multiply(heat, 255, dtype=np.float32)
    levels += np.float32(0.5)
    table = np.array(colormaps["inferno"](np.arange(256), bytes=True))
    table[:, 3] = np.round(opacity * np.arange(256))
    numbers = Pillow.fromarray(np.clip(levels, 0, 255, out=levels).astype(np.uint8))
    frame.blend(numbers, table, smooth=True)


def blend_classes(frame: Frame, labels: np.ndarray, colours: dict[int, str], opacity: float) -> None:
    """Fill the classes of a mask (h, w) that have a colour."""
    if not colours:
        return
    table = np.zeros((256, 4), np.uint8)
    for index, colour in colours.items():
        table[index] = (*bytes.fromhex(colour[1:]), round(255 * opacity))
    frame.blend(Pillow.fromarray(labels.astype(np.uint8)), table, smooth=False)


def outline(frame: Frame, mask: np.ndarray, colour: str, width_pt: float, dashes_pt: tuple[float, ...] = ()) -> None:
    """Draw the border of a mask (h, w) half-way between its pixels and the others."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows) or min(mask.shape) < 2:
        return
    top, left = max(rows[0] - 1, 0), max(columns[0] - 1, 0)
    part = mask[top : rows[-1] + 2, left : columns[-1] + 2]
    lines = [np.add(line, (left, top)) for line in contours(part, 0.5)]
    frame.strokes(lines, colour=colour, width_pt=width_pt, dashes_pt=dashes_pt)


def contours(mask: np.ndarray, level: float) -> list[np.ndarray]:
    """Return the lines (k, 2) of x, y at which a map passes a level."""
    from contourpy import contour_generator

    if min(mask.shape) < 2:
        return []
    lines = contour_generator(z=mask.astype(np.float64)).lines(level)
    return [np.asarray(line) for line in lines]


def rectangle(x1: float, y1: float, x2: float, y2: float) -> np.ndarray:
    """Return the corners (4, 2)."""
    return np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], np.float64)


def draw_scale_bar(frame: Frame, image: Image) -> None:
    """Draw a round number of millimetres, about a quarter of the width, at the lower left."""
    if image.spacing_mm is None:
        return
    h, w = image.size[-2:]
    target = 0.25 * w * image.spacing_mm[-1]
    power = 10 ** math.floor(math.log10(target))
    length_mm = max(step * power for step in (1, 2, 5) if step * power <= target)
    x, y, length = 0.04 * w, 0.95 * h, length_mm / image.spacing_mm[-1]
    frame.strokes([np.array([(x, y), (x + length, y)])], colour="white", width_pt=2.4, halo=Halo(4.4, 0.6))
    label = f"{length_mm:g} mm"
    place = x + length / 2, y - 0.02 * h
    frame.text(*place, label, colour="white", size_pt=8, ha="centre", va="baseline", halo=Halo(2, 0.7))


def write_title(panel: Frame, image: Image) -> float:
    """Write the image's name, size and pixel size; return where the next line starts."""
    name = image.name.replace("\\", "/").rsplit("/", 1)[-1]  # the folders are said elsewhere, and long
    panel.text(0.0, 0.99, shown(name, NAME), colour=TEXT, size_pt=11, bold=True)
    size = " × ".join(str(n) for n in reversed(image.size))
    spacing = image.spacing_mm
    known = "pixel size unknown" if spacing is None else " × ".join(f"{s:.3g}" for s in reversed(spacing)) + " mm"
    panel.text(0.0, 0.915, f"{size} px  ·  {known}", colour=MUTED, size_pt=8)
    return 0.82


def draw_bar(panel: Frame, y: float, name: str, fraction: float, value: str, colour: str) -> float:
    """Draw a named bar below y and return where the next line starts."""
    panel.text(0.0, y, shown(name), colour=TEXT, size_pt=10)
    panel.text(1.0, y, value, colour=TEXT, size_pt=10, ha="right")
    for length, shade in ((1.0, PANEL), (float(np.clip(fraction, 0, 1)), colour)):
        if length > 0.005:
            panel.strokes([_rounded(0, y - 0.085, length, 0.022)], width_pt=0, face=shade, clip=False)
    return y - 0.13


def write_row(panel: Frame, y: float, name: str, value: str, size_pt: float, colour: str = TEXT) -> None:
    """Write a name at the left of the panel and what belongs to it at the right."""
    panel.text(0.0, y, name, colour=colour, size_pt=size_pt)
    panel.text(1.0, y, value, colour=TEXT, size_pt=size_pt, ha="right")


def draw_swatch(panel: Frame, y: float, face: str, edge: str) -> None:
    """Draw a small square of a colour left of a row of the panel."""
    panel.strokes([rectangle(0, y - 0.045, 0.05, y)], width_pt=1, colour=edge, face=face, closed=True, clip=False)


def write_measurements(panel: Frame, y: float, measurements: dict[str, float]) -> None:
    """Write each measurement with its unit."""
    for name, value in measurements.items():
        label, unit = name_and_unit(name)
        write_row(panel, y, shown(label), written(value, unit), 9.5, MUTED)
        y -= 0.068


def write_note(sheet: Sheet, text: str) -> None:
    """Write a warning along the lower edge, cut where it would leave the picture."""
    room = int(sheet.size_in[0] * NOTE_LETTERS_PER_IN)
    told = text if len(text) <= room else f"{text[: room - 1]}…"
    place = 0.01 * sheet.size_in[0], 0.012 * sheet.size_in[1]
    sheet.write(place, told, colour="black", size_pt=7, box=COLOURS[1])


def _rounded(x: float, y: float, width: float, height: float) -> np.ndarray:
    """Return the outline (k, 2) of a rectangle with round corners."""
    r = min(ROUND, width / 2, height / 2)
    angles = np.linspace(0, np.pi / 2, 5)
    arc = r * np.column_stack([np.cos(angles), np.sin(angles)])
    turns = ((1, 1), (-1, 1), (-1, -1), (1, -1))
    corners = []
    for i, (sx, sy) in enumerate(turns):
        bent = arc * (sx, sy)
        centre = (x + (width - r if sx > 0 else r), y + (height - r if sy > 0 else r))
        corners.append((bent if i % 2 == 0 else bent[::-1]) + centre)
    return np.concatenate(corners)
