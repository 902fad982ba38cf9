"""What a report tells of an image: things of a class, what was measured on them, and where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

POINT, ELLIPSE, POLYLINE = "POINT", "ELLIPSE", "POLYLINE"  # DICOM's words for outlines


@dataclass(frozen=True, eq=False)
class Finding:
    """One thing.

    name: of its class. measurements: name with unit -> value, such as "diameter_mm".
    segment: its number among the classes of the mask; 0 where there is no mask of it.
    outline: POINT, ELLIPSE (ends of the long, then of the short axis) or POLYLINE; "" where nothing says where it is.
    places: slice, and the points (k, 2) x, y of the outline in it [px], 0 in the middle of the first pixel.
    """

    name: str
    measurements: Mapping[str, float] = field(default_factory=dict)
    segment: int = 0
    outline: str = ""
    places: tuple[tuple[int, np.ndarray], ...] = ()


def rectangle(x1: float, y1: float, x2: float, y2: float) -> np.ndarray:
    """Return the closed outline (5, 2) of a box whose pixel i spans i to i + 1."""
    corners = ((x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1))
    return np.array(corners, np.float64) - 0.5


def ellipse_ends(cx: float, cy: float, a: float, b: float, angle_rad: float) -> np.ndarray:
    """Return the ends (4, 2) of the long and of the short axis of an ellipse."""
    along = np.array([np.cos(angle_rad), np.sin(angle_rad)])
    across = np.array([-along[1], along[0]])
    centre = np.array([cx, cy])
    return np.stack([centre - a * along, centre + a * along, centre - b * across, centre + b * across])
