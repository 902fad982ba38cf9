"""How close a found ellipse is to the true one: rows (class, cx, cy, a, b, angle_rad) of `common/ellipses`."""

from __future__ import annotations

import numpy as np

from zoo.common.ellipses import geometry

PEN_PX = 0.45  # by which a filled ellipse of OpenCV exceeds the equation; Dice of both 0.9976 over 300 of them


def ellipse_iou(first: np.ndarray, second: np.ndarray) -> float:
    """Return the exact intersection over union of two ellipses (6,); 0 when one is missing (NaN)."""
    return _ratio(geometry.intersection_area(first, second), first, second, weight=1)


def ellipse_dice(first: np.ndarray, second: np.ndarray) -> float:
    """Return the exact Dice coefficient of two ellipses (6,); 0 when one is missing (NaN)."""
    return _ratio(geometry.intersection_area(first, second), first, second, weight=2)


def raster_dice(first: np.ndarray, second: np.ndarray, size: tuple[int, int]) -> float:
    """Return the Dice coefficient as published: filled pixels (h, w) after cutting all numbers to whole ones.

    Centre and semi-axes are cut to whole pixels, the angle to whole degrees; the pen of OpenCV is imitated by growing
    the ellipse, see PEN_PX.
    """
    masks = []
    for row in (first, second):
        if not np.isfinite(row).all():
            return 0.0
        whole = np.trunc(np.array([0, *row[1:5], np.degrees(row[5])]))
        whole[5] = np.radians(whole[5])
        masks.append(geometry.fill(whole, size, grow_px=PEN_PX))
    total = masks[0].sum() + masks[1].sum()
    return float(2 * (masks[0] & masks[1]).sum() / total) if total else 0.0


def rectangle_iou(first: np.ndarray, second: np.ndarray) -> float:
    """Return the intersection over union of the rotated rectangles around two ellipses (6,)."""
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return 0.0
    polygon = _rectangle(first)
    for start, stop in _edges(_rectangle(second)):
        polygon = _clip(polygon, start, stop)
    shared = _shoelace(polygon)
    union = 4 * (first[3] * first[4] + second[3] * second[4]) - shared
    return float(shared / union) if union > 0 else 0.0


def angle_error_deg(first: np.ndarray, second: np.ndarray) -> float:
    """Return the angle between the long axes, 0..90; 90 when one is missing."""
    error = float(np.degrees(abs(geometry.wrap_angle(first[5] - second[5]))))
    return error if np.isfinite(error) else 90.0


def centre_error(first: np.ndarray, second: np.ndarray) -> float:
    """Return the distance of the centres [px]; NaN when one is missing."""
    return float(np.hypot(*(first[1:3] - second[1:3])))


def ratio_precision(predicted: float, true: float) -> float:
    """Return 1 - |predicted - true| / true, the published score of the cardiothoracic ratio."""
    return 1 - abs(predicted - true) / true


def _ratio(shared: float, first: np.ndarray, second: np.ndarray, weight: int) -> float:
    total = float(geometry.area(first)[0] + geometry.area(second)[0])
    whole = total - (2 - weight) * shared
    return weight * shared / whole if np.isfinite(whole) and whole > 0 else 0.0


def _rectangle(ellipse: np.ndarray) -> np.ndarray:
    corners = np.array([[1.0, 1], [-1, 1], [-1, -1], [1, -1]])
    return ellipse[1:3] + corners @ geometry.axes(ellipse)[0].T


def _edges(polygon: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(zip(polygon, np.roll(polygon, -1, axis=0), strict=True))


def _clip(polygon: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Keep what lies on the inner side of a line (Sutherland and Hodgman 1974)."""
    edge = stop - start
    kept: list[np.ndarray] = []
    for here, there in _edges(polygon):
        depth_here, depth_there = (edge[0] * (p - start)[1] - edge[1] * (p - start)[0] for p in (here, there))
        if depth_here >= 0:
            kept.append(here)
        if depth_here * depth_there < 0:
            kept.append(here + (there - here) * depth_here / (depth_here - depth_there))
    return np.array(kept).reshape(-1, 2)


def _shoelace(polygon: np.ndarray) -> float:
    if len(polygon) < 3:
        return 0.0
    x, y = polygon.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
