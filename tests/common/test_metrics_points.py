"""Scores of points: matching within a radius, the right way round."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.common.errors import InputError
from zoo.common.metrics.points import match_points, mean_f1, pool_points, score_points

NONE = np.zeros((0, 2))
POINTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=5).map(
    lambda p: np.array(p, float).reshape(-1, 2)
)


def test_far_pairs_are_ruled_out_before_matching():
    reference, predicted = np.array([(0, 0), (10, 0)]), np.array([(10, 0), (10, 10)])

    assert score_points(predicted, reference, 10)["tp"] == 2  # thresholding afterwards gives 1, greedy gives 1


def test_precision_asks_the_predictions_and_recall_the_reference():
    reference = np.array([(100, 100), (130, 100), (400, 50)])
    predicted = np.array([(106, 108), (130, 111), (398, 50), (401, 51), (10, 10)])

    scores = score_points(predicted, reference, 10)

    assert (scores["tp"], scores["fp"], scores["fn"]) == (2, 3, 1)
    assert (scores["precision"], scores["recall"], scores["f1"]) == pytest.approx((0.4, 2 / 3, 0.5))
    assert scores["mean_distance"] == pytest.approx((10 + math.sqrt(2)) / 2)


def test_missing_points():
    one = np.array([(1, 2)])

    assert score_points(NONE, one, 5)["f1"] == score_points(one, NONE, 5)["f1"] == 0
    assert math.isnan(score_points(NONE, one, 5)["precision"])
    assert math.isnan(score_points(NONE, NONE, 5)["f1"])


def test_pooling_counts_what_was_missed():
    rows = [score_points(np.array([(0, 0)]), np.array([(0, 0)]), 1), score_points(NONE, np.ones((3, 2)), 1)]

    assert pool_points(rows)["recall"] == 0.25
    assert pool_points(rows)["f1"] == pytest.approx(0.4)


def test_classes_do_not_match_each_other():
    predicted, reference = np.array([(0, 0, 0), (5, 5, 1)]), np.array([(0, 0, 0), (5, 5, 0)])

    assert mean_f1(predicted, reference, 3, 2) == pytest.approx((2 / 3 + 0) / 2)


def brute_force(predicted: np.ndarray, reference: np.ndarray, radius: float) -> tuple[int, float]:
    """Try all matchings; return the size of the largest and its least total distance."""
    if len(predicted) > len(reference):
        predicted, reference = reference, predicted
    best = (0, 0.0)
    for order in itertools.permutations(range(len(reference)), len(predicted)):
        distances = np.linalg.norm(predicted - reference[list(order)], axis=1)
        near = distances[distances <= radius]
        best = min(best, (-len(near), near.sum()))
    return -best[0], best[1]


@settings(max_examples=60, deadline=None)
@given(POINTS, POINTS, st.sampled_from([0, 1, 3, 7]))
def test_matching_is_the_best_of_all(predicted, reference, radius):
    pairs, distances = match_points(predicted, reference, radius)

    n, total = brute_force(predicted, reference, radius)
    assert len(pairs) == n
    assert distances.sum() == pytest.approx(total)


def test_infinite_point_is_refused():
    with pytest.raises(InputError, match="finite"):
        match_points(np.array([(0, np.inf)]), NONE, 1)
