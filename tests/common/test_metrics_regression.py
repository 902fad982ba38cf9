"""Scores of predicted numbers: by hand, known answers, scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sklearn

from zoo.common.errors import ConfigError, InputError
from zoo.common.metrics.regression import NORMALISATIONS, mape, nrmse, pearson_r, r2, summarise_regression

from .known_answers import assert_close, cases, inputs


@pytest.mark.parametrize("case", cases("reconstruction_regression"))
def test_known_answers(case):
    scores = summarise_regression(*inputs(case))

    compared = scores.keys() & case["expected"].keys()
    assert len(compared) >= 7
    for name in compared:
        assert_close(scores[name], case["expected"][name])


def test_scores_by_hand():
    scores = summarise_regression(np.array([1.0, 2, 3]), np.array([1.0, 2, 5]))

    assert scores["mae"] == pytest.approx(2 / 3)
    assert scores["rmse"] == pytest.approx(math.sqrt(4 / 3))
    assert scores["r2"] == pytest.approx(-1)
    assert scores["explained_variance"] == pytest.approx(-1 / 3)
    assert scores["nrmse_minmax"] == pytest.approx(math.sqrt(4 / 3) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_scikit_learn(seed):
    reference, prediction = np.random.default_rng(seed).normal(5, 1, (2, 40))
    scores = summarise_regression(reference, prediction)

    assert scores["r2"] == pytest.approx(sklearn.r2_score(reference, prediction))
    assert scores["mae"] == pytest.approx(sklearn.mean_absolute_error(reference, prediction))
    assert scores["mape"] == pytest.approx(sklearn.mean_absolute_percentage_error(reference, prediction))
    assert scores["explained_variance"] == pytest.approx(sklearn.explained_variance_score(reference, prediction))
    assert scores["pearson_r"] == pytest.approx(np.corrcoef(reference, prediction)[0, 1])


def test_constant_reference_leaves_scores_undefined():
    constant, other = np.full(3, 0.1), np.arange(3.0)

    assert math.isnan(r2(constant, other))  # scikit-learn: 0
    assert math.isnan(pearson_r(constant, other))
    assert math.isnan(nrmse(constant, other, "minmax"))
    assert math.isnan(mape(other, constant))  # a reference of 0


def test_no_values_leave_all_undefined():
    assert all(math.isnan(score) for score in summarise_regression(np.zeros(0), np.zeros(0)).values())


def test_wrong_arguments_are_refused():
    with pytest.raises(ConfigError, match=", ".join(NORMALISATIONS)):
        nrmse(np.ones(2), np.ones(2), "range")
    with pytest.raises(InputError, match="equal shapes"):
        r2(np.ones(2), np.ones(3))
