"""The way of a picture onto the canvas that a detector sees, and of boxes there and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.common.boxes import corners, join_corners
from zoo.common.detection.settings import DetectorSettings
from zoo.common.errors import InputError
from zoo.common.transforms.pictures import (
    compose_affine,
    invert_affine,
    resize,
    to_channels,
    transform_points,
    warp_affine,
)
from zoo.common.types import Image

BLACK = 8.0  # intensities (0..255) up to this are outside the lungs; JPEG leaves a few grey levels there
MARGIN_PX = 4  # around what is not black
WHITE = 255.0


@dataclass(frozen=True, eq=False)
class Piece(Image):
    """A picture that is on the network's grid already, as training has it."""


def placement(image: Image, config: DetectorSettings) -> np.ndarray:
    """Build the (2, 3) map from pixels of the picture to pixels of the canvas, middle to middle, sides alike.

    The picture is shrunk where its content is larger than the canvas. All slices of a volume have the same place.
    """
    if image.array.ndim not in (3, 4):
        axes = image.array.ndim
        raise InputError(f"{image.name}: {axes} axes; a detector of pictures expects (c, h, w) or (c, d, h, w)")
    grey = shown(image, config)
    grey = grey if grey.ndim == 3 else grey.max(axis=1)
    top, left, bottom, right = _content(grey) if config.crop_dark else (0, 0, *grey.shape[1:])
    height, width = config.input_size
    fit = min(height / (bottom - top), width / (right - left))
    if config.pixel_mm and image.spacing_mm is not None:
        factor = min(fit, float(np.sqrt(np.prod(image.spacing_mm[-2:]))) / config.pixel_mm)
    else:
        factor = min(fit, 1.0) if config.pixel_mm else fit
    middle_old = np.array([left + right, top + bottom]) / 2 - 0.5
    middle_new = np.array([width, height]) / 2 - 0.5
    return np.column_stack([np.eye(2) * factor, middle_new - factor * middle_old])


def shown(image: Image, config: DetectorSettings) -> np.ndarray:
    """Return the intensities as 0..255: through the window where there are negative ones, else as they are."""
    if not config.window_hu or image.array.min() >= 0:
        return image.array
    low, high = config.window_hu
    return np.clip((image.array - low) * (WHITE / (high - low)), 0, WHITE).astype(np.float32)


def draw(array: np.ndarray, matrix: np.ndarray, size: tuple[int, int], fill: float = 0.0) -> np.ndarray:
    """Draw (c, h, w) moved by `matrix` on a canvas of one grey, smoothed first where it shrinks."""
    factor = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if factor < 1:  # a warp reads single pixels
        old = array.shape[1:]
        shrunk = tuple(max(1, round(side * factor)) for side in old)
        step = np.array([shrunk[1] / old[1], shrunk[0] / old[0]])
        to_shrunk = np.column_stack([np.diag(step), step / 2 - 0.5])
        matrix = compose_affine(invert_affine(to_shrunk), matrix)
        array = resize(array, (shrunk[0], shrunk[1]))
    return warp_affine(np.asarray(array, np.float32), matrix, size, fill)


def normalised(array: np.ndarray, config: DetectorSettings) -> np.ndarray:
    """Scale intensities 0..255 to 0..1, then by mean and deviation; (c, h, w) float32."""
    mean, std = (np.array(values, np.float32).reshape(-1, 1, 1) for values in (config.mean, config.std))
    return ((to_channels(array, config.input_channels) / np.float32(WHITE) - mean) / std).astype(np.float32)


def on_canvas(image: Image, config: DetectorSettings) -> np.ndarray:
    """Return what the network sees, (c, *input_size), of a volume (c, d, *input_size); a piece keeps its size."""
    if isinstance(image, Piece):
        return normalised(image.array, config)
    matrix, array = placement(image, config), shown(image, config)
    planes = [array] if array.ndim == 3 else [array[:, i] for i in range(array.shape[1])]
    drawn = [
        normalised(draw(to_channels(p, config.input_channels), matrix, config.input_size, config.beyond), config)
        for p in planes
    ]
    return drawn[0] if array.ndim == 3 else np.stack(drawn, axis=1)


def canvas_steps(config: DetectorSettings) -> list[dict[str, object]]:
    """Say as data what `on_canvas` does with a picture of unknown pixel size; see `Algorithm.steps`."""
    low_high = dict(zip(("low", "high"), config.window_hu, strict=False))
    place = {"black": BLACK if config.crop_dark else None, "margin": MARGIN_PX, "enlarges": not config.pixel_mm}
    return [
        *([{"do": "window", **low_high}] if low_high else []),
        {"do": "canvas", "size": config.input_size, "fill": config.beyond, **place},
        {"do": "channels", "count": config.input_channels},
        {"do": "normalise", "divide": WHITE, "mean": config.mean, "std": config.std},
    ]


def move_boxes(boxes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Move corners (k, 4) by a map of pixel middles that scales, mirrors and turns by quarters or halves."""
    low, high = corners(boxes)
    first, second = (transform_points(points - 0.5, matrix) + 0.5 for points in (low, high))
    return join_corners(np.minimum(first, second), np.maximum(first, second))


def move_discs(boxes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Move boxes (k, 4) that stand for discs: their middles move, their sides scale, and nothing turns."""
    low, high = corners(boxes)
    factor = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    middle = transform_points((low + high) / 2 - 0.5, matrix) + 0.5
    half = factor * (high - low) / 2
    return join_corners(middle - half, middle + half)


def _content(array: np.ndarray) -> tuple[int, int, int, int]:
    """Find top, left, bottom, right of what is not black, with a margin; the whole of a black picture."""
    h, w = array.shape[1:]
    bright = array.max(axis=0) > BLACK
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    if not len(rows):
        return 0, 0, h, w
    top, left = max(rows[0] - MARGIN_PX, 0), max(columns[0] - MARGIN_PX, 0)
    return int(top), int(left), int(min(rows[-1] + 1 + MARGIN_PX, h)), int(min(columns[-1] + 1 + MARGIN_PX, w))
