"""A sample on the new grid of a spatial map: its image and every label that has a place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from zoo.common.boxes import area, clip_boxes, corners, join_corners
from zoo.common.ellipses import geometry
from zoo.common.errors import InputError
from zoo.common.transforms.sampling import Layer
from zoo.common.transforms.sampling import sample as sample_layers
from zoo.common.transforms.spatial import Frame, SpatialMap
from zoo.common.types import Image, Sample

RASTERS = ("mask", "instances")
MIN_VISIBLE = 0.25  # share of a box that has to stay in the picture for the box to stay
ARC = 96  # points of an ellipse that an elastic map moves


def frame_of(image: Image) -> Frame:
    """Return the grid of an image."""
    return Frame(image.size, image.spacing_mm)


def move_sample(sample: Sample, move: SpatialMap, fill: float | None = None, mask_fill: int = 0) -> Sample:
    """Move image and labels; what ends up outside is dropped, boxes are cut at the border.

    fill: value of the image beyond its borders; its minimum if None. Labels without a place, such as the class of the
    whole image, stay; an unknown label with axes is an InputError.
    """
    if not move.steps:
        return sample
    for key, label in sample.labels.items():
        if np.ndim(label) and key not in (*RASTERS, *MOVES):
            raise InputError(f"{sample.image.name}: label {key!r} given; expected {', '.join((*RASTERS, *MOVES))}")
    rasters = {key: label for key, label in sample.labels.items() if key in RASTERS}
    value = float(sample.image.array.min()) if fill is None else fill
    layers = [Layer(label[None], mask_fill, nearest=True) for label in rasters.values()]
    array, *moved = sample_layers([Layer(sample.image.array, value), *layers], move)
    labels = {key: MOVES[key](label, move) if key in MOVES else label for key, label in sample.labels.items()}
    labels.update({key: raster[0] for key, raster in zip(rasters, moved, strict=True)})
    world = _world(sample.image.affine, move)
    image = replace(sample.image, array=array, spacing_mm=move.new.spacing_mm, affine=world)
    return replace(sample, image=image, labels=labels)


def move_points(points: np.ndarray, move: SpatialMap) -> np.ndarray:
    """Move rows (class, x, y[, z]); none is dropped."""
    rows = np.array(points, np.float64).reshape(-1, 1 + len(move.old.size))
    rows[:, 1:] = move.to_new(rows[:, :0:-1])[:, ::-1]
    return rows


def move_boxes(boxes: np.ndarray, move: SpatialMap) -> np.ndarray:
    """Box what becomes of boxes (class, x1, y1, x2, y2[, z1, z2]); none is dropped or cut."""
    axes = len(move.old.size)
    rows = np.array(boxes, np.float64).reshape(-1, 1 + 2 * axes)
    low, high = corners(rows[:, 1:])
    steps = np.linspace(0, 1, 2 if move.is_affine else 7)
    share = np.stack(np.meshgrid(*[steps] * axes), axis=-1).reshape(1, -1, axes)
    # pixel i spans i to i + 1 in a box, and i - 1/2 to i + 1/2 among places
    places = (low[:, None] + share * (high - low)[:, None])[..., ::-1] - 0.5
    moved = move.to_new(places.reshape(-1, axes)).reshape(places.shape)[..., ::-1] + 0.5
    return np.hstack([rows[:, :1], join_corners(moved.min(1), moved.max(1))]) if len(rows) else rows


def move_ellipses(ellipses: np.ndarray, move: SpatialMap) -> np.ndarray:
    """Move rows (class, cx, cy, a, b, angle); exact for affine maps, fitted to the moved outline for others."""
    rows = np.array(ellipses, np.float64).reshape(-1, 6)
    if len(move.old.size) != 2:
        raise InputError(f"ellipses on a grid {move.old.size} given; expected a picture (h, w)")
    if move.is_affine:
        return geometry.transform(rows, move.matrix[np.ix_([1, 0, 2], [1, 0, 2])])
    outlines = [move.to_new(geometry.boundary(row, ARC)[:, ::-1])[:, ::-1] for row in rows]
    return np.array([geometry.fit_points(o, row[0]) for o, row in zip(outlines, rows, strict=True)]).reshape(-1, 6)


def _points(points: np.ndarray, move: SpatialMap) -> np.ndarray:
    rows = move_points(points, move)
    limit = np.array(move.new.size[::-1]) - 0.5
    return rows[((rows[:, 1:] >= -0.5) & (rows[:, 1:] < limit)).all(1)]


def _boxes(boxes: np.ndarray, move: SpatialMap) -> np.ndarray:
    rows = move_boxes(boxes, move)
    if not len(rows):
        return rows
    cut = clip_boxes(rows[:, 1:], move.new.size[::-1])
    kept = area(cut) >= MIN_VISIBLE * np.maximum(area(rows[:, 1:]), 1e-12)
    return np.hstack([rows[:, :1], cut])[kept]


def _ellipses(ellipses: np.ndarray, move: SpatialMap) -> np.ndarray:
    rows = move_ellipses(ellipses, move)
    reach = geometry.extents(rows)
    limit = np.array(move.new.size[::-1]) - 0.5
    is_gone = ((rows[:, 1:3] + reach < -0.5) | (rows[:, 1:3] - reach > limit)).any(1)
    return rows[~is_gone]


MOVES: dict[str, Callable[[np.ndarray, SpatialMap], np.ndarray]] = {
    "points": _points,
    "boxes": _boxes,
    "ellipses": _ellipses,
}


def _world(world: np.ndarray | None, move: SpatialMap) -> np.ndarray | None:
    """Return the affine (x, y, z) of the new grid; elastic steps count as staying in place."""
    if world is None:
        return None
    axes = len(move.old.size)
    order = [*range(axes - 1, -1, -1), axes]
    back = np.linalg.inv(move.matrix)[np.ix_(order, order)]
    full = np.eye(4)
    keep = [*range(axes), 3]
    full[np.ix_(keep, keep)] = back
    return world @ full
