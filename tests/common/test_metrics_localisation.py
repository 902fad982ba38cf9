"""Scores of heat maps: pixel curves, the peak and the box."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from zoo.common.errors import InputError
from zoo.common.metrics.localisation import (
    box_from_map,
    box_hit,
    count_levels,
    peak_hit,
    pixel_average_precision,
    pixel_pr_auc,
    pixel_roc_auc,
    quantise,
)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 5, 256]))
def test_curves_equal_scikit_learn(seed, levels):
    rng = np.random.default_rng(seed)
    mask = rng.random((12, 9)) < 0.3
    mask[0, :2] = (0, 1)
    scores = rng.integers(levels, size=mask.shape).astype(np.uint8)
    precision, recall, _ = sklearn.precision_recall_curve(mask.ravel(), scores.ravel())

    counts = count_levels(mask, scores)

    assert pixel_pr_auc(counts) == pytest.approx(sklearn.auc(recall, precision), abs=1e-12)
    assert pixel_average_precision(counts) == pytest.approx(
        sklearn.average_precision_score(mask.ravel(), scores.ravel()), abs=1e-12
    )
    assert pixel_roc_auc(counts) == pytest.approx(sklearn.roc_auc_score(mask.ravel(), scores.ravel()), abs=1e-12)


def test_curve_by_hand():
    counts = count_levels(np.array([[1, 0, 1, 0]]), np.array([[4, 3, 2, 1]], np.uint8))

    assert pixel_average_precision(counts) == pytest.approx((1 + 2 / 3) / 2)
    assert pixel_pr_auc(counts) == pytest.approx(0.5 + 0.5 * (1 / 2 + 2 / 3) / 2)
    assert pixel_roc_auc(counts) == 0.75


def test_counts_add_up_over_images():
    mask, scores = np.array([[1, 0, 1, 0]]), np.array([[4, 3, 2, 1]], np.uint8)

    both = count_levels(mask[:, :2], scores[:, :2]) + count_levels(mask[:, 2:], scores[:, 2:])

    np.testing.assert_array_equal(both, count_levels(mask, scores))


def test_curves_without_true_pixels_are_undefined():
    counts = count_levels(np.zeros((2, 2)), np.zeros((2, 2)))

    assert math.isnan(pixel_pr_auc(counts))
    assert math.isnan(pixel_average_precision(counts))
    assert math.isnan(pixel_roc_auc(counts))


def test_levels():
    np.testing.assert_array_equal(quantise(np.array([-1, 0, 0.5, 1, 2])), [0, 0, 127, 255, 255])
    with pytest.raises(InputError, match="NaN"):
        quantise(np.array([np.nan]))


def test_peak():
    scores, mask = np.zeros((5, 5)), np.zeros((5, 5))
    scores[1, 1] = 1
    mask[1, 3] = 1

    assert peak_hit(scores, mask) == 0
    assert peak_hit(scores, mask, tolerance_px=2) == 1
    assert peak_hit(scores, scores) == 1
    assert peak_hit(np.ones((5, 5)), mask) == 1 / 25
    assert math.isnan(peak_hit(scores, np.zeros((5, 5))))


@pytest.mark.parametrize(
    ("threshold", "box"),
    [(0.1, (28, 68, 93, 133)), (0.2, (34, 74, 87, 127)), (0.5, (43, 83, 78, 118))],
)
def test_box_of_two_bumps(threshold, box):
    y, x = np.mgrid[:224, :224]
    bump = np.exp(-((x - 60) ** 2 + (y - 100) ** 2) / (2 * 15**2))
    bump = bump + 0.6 * np.exp(-((x - 170) ** 2 + (y - 60) ** 2) / (2 * 8**2))

    np.testing.assert_array_equal(box_from_map(bump, threshold), [box])


def test_constant_map_has_no_box_and_misses():
    box = box_from_map(np.ones((4, 4)), 0.1)

    assert box.shape == (0, 4)
    assert box_hit(box, np.array([[0, 0, 2, 2]])) == 0
    assert math.isnan(box_hit(box, box))


def test_box_hits_above_the_threshold_only():
    found, true = np.array([[0, 0, 10, 5.0]]), np.array([[0, 0, 10, 10.0]])

    assert box_hit(found, true) == 0
    assert box_hit(found, true, threshold=0.49) == 1
