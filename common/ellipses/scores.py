"""The scores of one image: overlap, angle and place per class, errors of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zoo.common.metrics import ellipses as metrics
from zoo.common.metrics.cases import MISSED, NAN, mean_of_defined, score_columns
from zoo.common.types import Row

RATIOS = ("ctr", "area_ratio", "circumference_ratio")
LARGEST = {"deg": 90.0}  # error of an angle that was not measured


def score_ellipses(found: np.ndarray, truth: np.ndarray, classes: Sequence[str], diagonal_px: float) -> Row:
    """Compare ellipses (k, 6) class by class; `dice` is the mean over the classes that are there to be found.

    A class that was not found has Dice 0, angle error 90 and the image's diagonal as centre error, and is `missed`.
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
        is_missed = not np.isfinite(guess).all()
        row[f"centre_error_{name}_px"] = diagonal_px if is_missed else metrics.centre_error(guess, true)
        row[f"{MISSED}{name}"] = float(is_missed)
    row["dice"] = float(np.mean(overlaps)) if overlaps else float("nan")
    row["missed"] = float(sum(int(true[0]) not in by_class for true in truth))
    return row


def score_measurements(found: Mapping[str, float], truth: Mapping[str, float]) -> Row:
    """Compare what was measured: errors of lengths and angles, precision of ratios; the values stand beside them.

    What was not measured has its whole length (an angle 90 degrees) as error and a precision of 0, but no difference.
    """
    row: Row = {}
    for name, true in truth.items():
        guess = found.get(name, NAN)
        quantity, _, unit = name.rpartition("_")
        if name in RATIOS:
            row[f"{name}_precision"] = metrics.ratio_precision(guess, true) if np.isfinite(guess) else 0.0
        else:
            row[f"{quantity}_difference_{unit}"] = guess - true
            row[f"{quantity}_error_{unit}"] = abs(guess - true) if np.isfinite(guess) else LARGEST.get(unit, true)
        row |= {f"reference_{name}": true, f"predicted_{name}": guess}
    return row


def summarise(rows: Sequence[Row]) -> dict[str, float]:
    """Average every score over the rows that have it, and leave out what none has; `missed` is a sum."""
    summary = {}
    for name, values in score_columns(rows).items():
        if not np.isnan(values).all() and not name.startswith(MISSED):
            summary[name] = float(np.nansum(values)) if name == "missed" else mean_of_defined(values)
    return summary
