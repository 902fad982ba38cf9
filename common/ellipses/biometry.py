"""What a clinician reads off the ellipses: head size, heart to thorax ratios, axis of the heart."""

from __future__ import annotations

import numpy as np

from zoo.common.ellipses import geometry

MIN_ELONGATION = 1.05  # of the thorax; rounder than this, its axes say nothing about front and back


def measure(
    ellipses: np.ndarray, classes: tuple[str, ...], spacing_mm: tuple[float, ...] | None, ap: str = "minor"
) -> dict[str, float]:
    """Measure whatever the classes allow: a head, or a thorax with a heart.

    ellipses: (k, 6) [px]; spacing_mm: (h, w) of a pixel, lengths are in pixels when it is None.
    """
    rows, unit = in_millimetres(ellipses, spacing_mm), "px" if spacing_mm is None else "mm"
    found = {classes[int(row[0])]: row for row in rows if np.isfinite(row).all() and row[4] > 0}
    values: dict[str, float] = {}
    if "head" in found:
        values |= {f"{name}_{unit}": value for name, value in head_size(found["head"]).items()}
    if "thorax" in found and "heart" in found:
        values |= heart_ratios(found["heart"], found["thorax"])
        axis = cardiac_axis_deg(found["heart"], found["thorax"], ap)
        values |= {} if axis is None else {"cardiac_axis_deg": axis}
    return values


def in_millimetres(ellipses: np.ndarray, spacing_mm: tuple[float, ...] | None) -> np.ndarray:
    """Scale ellipses by the size of a pixel, which may differ along x and y; pixels stay pixels without it."""
    if spacing_mm is None:
        return geometry.canonical(ellipses)
    height, width = spacing_mm[-2:]
    return geometry.transform(ellipses, np.diag([width, height, 1.0]))


def head_size(head: np.ndarray) -> dict[str, float]:
    """Return head circumference (exact), biparietal and occipitofrontal diameter, outer to outer of the ellipse."""
    return {"hc": float(geometry.circumference(head)[0]), "bpd": 2 * float(head[4]), "ofd": 2 * float(head[3])}


def heart_ratios(heart: np.ndarray, thorax: np.ndarray) -> dict[str, float]:
    """Return the cardiothoracic ratio by short axes (as published), by areas and by circumferences."""
    return {
        "ctr": float(heart[4] / thorax[4]),
        "area_ratio": float(geometry.area(heart)[0] / geometry.area(thorax)[0]),
        "circumference_ratio": float(geometry.circumference(heart)[0] / geometry.circumference(thorax)[0]),
    }


def cardiac_axis_deg(
    heart: np.ndarray, thorax: np.ndarray, ap: str = "minor", spine: tuple[float, float] | None = None
) -> float | None:
    """Estimate the angle between the heart's long axis and the front-back (AP) line of the thorax.

    An ellipse does not show where the spine is: the AP line is taken to be the thorax's `ap` axis (minor or major), and
    the angle is acute, 0..90. None when the thorax is too round to have axes.
    spine: (x, y) in the frame of the ellipses; then the AP line runs from it to the thorax's centre and the angle is
    signed, -90..90, positive when the heart points clockwise of it on the screen.
    """
    if spine is not None:
        line = np.arctan2(thorax[2] - spine[1], thorax[1] - spine[0])
        return float(np.degrees(geometry.wrap_angle(heart[5] - line)))
    if thorax[3] < MIN_ELONGATION * thorax[4]:
        return None
    line = thorax[5] + (np.pi / 2 if ap == "minor" else 0)
    return float(np.degrees(abs(geometry.wrap_angle(heart[5] - line))))
