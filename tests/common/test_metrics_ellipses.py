"""The scores of ellipses: hand-made pairs, missing ellipses, and the published raster."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.common.metrics import ellipses as metrics

CIRCLE = np.array([0, 50, 50, 20, 20, 0.0])
MISSING = np.array([0, *[np.nan] * 5])


def test_equal_ellipses_score_one() -> None:
    row = np.array([0, 40, 30, 20, 10, 1.1])

    assert metrics.ellipse_dice(row, row) == pytest.approx(1)
    assert metrics.ellipse_iou(row, row) == pytest.approx(1)
    assert metrics.rectangle_iou(row, row) == pytest.approx(1)
    assert metrics.raster_dice(row, row, (80, 80)) == 1
    assert metrics.angle_error_deg(row, row) == 0


def test_circle_in_a_circle_of_twice_its_size() -> None:
    inner = np.array([0, 52, 50, 10, 10, 0.0])

    assert metrics.ellipse_iou(CIRCLE, inner) == pytest.approx(1 / 4)
    assert metrics.ellipse_dice(CIRCLE, inner) == pytest.approx(2 / 5)


def test_missing_ellipse_scores_zero() -> None:
    assert metrics.ellipse_dice(MISSING, CIRCLE) == 0
    assert metrics.ellipse_iou(MISSING, CIRCLE) == 0
    assert metrics.rectangle_iou(MISSING, CIRCLE) == 0
    assert metrics.raster_dice(MISSING, CIRCLE, (99, 99)) == 0
    assert metrics.angle_error_deg(MISSING, CIRCLE) == 90
    assert np.isnan(metrics.centre_error(MISSING, CIRCLE))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=10, max_size=10))
def test_dice_follows_from_iou_and_both_are_symmetric(numbers: list[float]) -> None:
    first, second = (
        np.array([0, 30 + 20 * u, 30 + 20 * v, 12 + 9 * a, 4 + 8 * b, 3 * t])
        for u, v, a, b, t in (numbers[:5], numbers[5:])
    )
    iou, dice = metrics.ellipse_iou(first, second), metrics.ellipse_dice(first, second)

    assert dice == pytest.approx(2 * iou / (1 + iou), abs=1e-9)
    assert iou == pytest.approx(metrics.ellipse_iou(second, first), abs=1e-6)
    assert metrics.rectangle_iou(first, second) == pytest.approx(metrics.rectangle_iou(second, first), abs=1e-9)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # boxes cx, cy, width, height, angle
        ((50, 50, 40, 20, 0), (50, 50, 40, 20, np.pi / 2), 0.333333),
        ((50, 50, 40, 20, 0.3), (55, 47, 36, 24, 0.5), 0.576769),
        ((0, 0, 2, 3, np.pi / 6), (1, 1, 4, 4, -np.pi / 4), 0.280501),
        ((50, 50, 40, 20, 0.3), (200, 200, 40, 20, 0.3), 0),
    ],
)
def test_iou_of_known_rectangles(first: tuple[float, ...], second: tuple[float, ...], expected: float) -> None:
    a, b = (np.array([0, *box[:2], box[2] / 2, box[3] / 2, box[4]]) for box in (first, second))

    assert metrics.rectangle_iou(a, b) == pytest.approx(expected, abs=1e-6)


def test_angle_error_ignores_the_direction_of_an_axis() -> None:
    first, second = CIRCLE.copy(), CIRCLE.copy()
    first[5], second[5] = np.radians(89), np.radians(-89)

    assert metrics.angle_error_deg(first, second) == pytest.approx(2)


def test_published_raster_is_a_little_larger_than_the_ellipse() -> None:
    """OpenCV fills 793 pixels where the equation gives 754."""
    row = np.array([0, 40, 40, 20, 12, 0.0])
    smaller = np.array([0, 40, 40, 19.9, 11.9, 0.0])

    assert (
        metrics.raster_dice(row, row + np.array([0, 0.9, 0, 0.9, 0, 0]), (80, 80)) == 1
    )  # numbers are cut, not rounded
    assert metrics.raster_dice(row, smaller, (80, 80)) < 0.96  # 19 x 11 after the cut


def test_ratio_precision() -> None:
    assert metrics.ratio_precision(0.5, 0.5) == 1
    assert metrics.ratio_precision(0.4, 0.5) == pytest.approx(0.8)
    assert metrics.ratio_precision(0.6, 0.5) == pytest.approx(0.8)
