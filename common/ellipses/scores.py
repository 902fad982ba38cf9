"""The scores of one image: overlap, angle and place per class, errors of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zoo.common.metrics import ellipses as metrics
from zoo.common.types import Row

RATIOS = ("ctr", "area_ratio", "circumference_ratio")


def score_ellipses(found: np.ndarray, truth: np.ndarray, classes: Sequence[str]) -> Row:
    """Compare ellipses (k, 6) class by class; `dice` is the mean over the classes that are there to be found.

    A class that was not found has Dice 0 and angle error 90, and counts in `missed`; its centre error is NaN.
    """
    by_class = {int(row[0]): row for row in found if np.isfinite(row).all()}
    row: Row = {}
    overlaps = []
    for true in truth:
        name = classes[int(true[0])]
        guess = by_class.get(int(true[0]), np.full(6, np.nan))
        overlaps.append(metrics.ellipse_dice(guess, true))
        row[f"dice_{name}"] = overlaps[-1]
        row[f"iou_{name}"] = metrics.ellipse_iou(guess, true)
        row[f"rectangle_iou_{name}"] = metrics.rectangle_iou(guess, true)
        row[f"angle_error_{name}_deg"] = metrics.angle_error_deg(guess, true)
        row[f"centre_error_{name}_px"] = metrics.centre_error(guess, true)
    row["dice"] = float(np.mean(overlaps)) if overlaps else float("nan")
    row["missed"] = float(sum(int(true[0]) not in by_class for true in truth))
    return row


def score_measurements(found: Mapping[str, float], truth: Mapping[str, float]) -> Row:
    """Compare what was measured: signed and absolute errors of lengths and angles, precision of ratios."""
    row: Row = {}
    for name, true in truth.items():
        guess = found.get(name, float("nan"))
        quantity, _, unit = name.rpartition("_")
        if name in RATIOS:
            # a ratio that could not be measured is wrong, as published
            row[f"{name}_precision"] = metrics.ratio_precision(guess, true) if np.isfinite(guess) else 0.0
        else:
            row[f"{quantity}_difference_{unit}"] = guess - true
            row[f"{quantity}_error_{unit}"] = abs(guess - true)
    return row


def summarise(rows: Sequence[Row]) -> dict[str, float]:
    """Average every column over the rows that have it; `missed` is a sum."""
    names = dict.fromkeys(key for row in rows for key, value in row.items() if not isinstance(value, str))
    summary = {}
    for name in names:
        values = np.array([float(row.get(name, np.nan)) for row in rows])
        if np.isfinite(values).any():
            summary[name] = float(values.sum() if name == "missed" else np.nanmean(values))
    return summary
