"""DeLong's test equals the formulas of its paper, case by case, and holds its level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from zoo.common.metrics.delong import areas, compare_areas


def placements(is_positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compare every positive with every negative, as the paper writes it down: (p, m) and (n, m)."""
    above = scores[is_positive][:, None] - scores[~is_positive][None]
    psi = (above > 0) + 0.5 * (above == 0)
    return psi.mean(1), psi.mean(0)


def drawn(seed: int, n: int = 70) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    shared = rng.normal(size=n) + truth
    return truth, np.round(shared[:, None] + 0.7 * rng.normal(size=(n, 2)) * (1, 2), seed % 2)  # with ties


@pytest.mark.parametrize("seed", range(20))
def test_areas_and_their_covariance_are_those_of_the_paper(seed):
    truth, scores = drawn(seed)
    area, covariance = areas(truth, scores)

    above, below = placements(truth, scores)
    np.testing.assert_allclose(area, [roc_auc_score(truth, scores[:, i]) for i in range(2)])
    expected = np.cov(above.T) / len(above) + np.cov(below.T) / len(below)
    np.testing.assert_allclose(covariance, expected, atol=1e-14)


def test_the_ratings_of_109_scans_give_the_published_area_and_interval():
    """Hanley and McNeil (1982), table 1; Stata's manual prints area, error by DeLong and interval for it (roctab)."""
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    ratings = [rating for counts in (normal, abnormal) for rating, n in enumerate(counts, 1) for _ in range(n)]
    truth = np.repeat([False, True], (sum(normal), sum(abnormal)))

    area, covariance = areas(truth, np.array(ratings)[:, None])

    error = covariance[0, 0] ** 0.5
    assert (round(area[0], 4), round(error, 4)) == (0.8932, 0.0307)
    half = norm.isf(0.025) * error
    assert (round(area[0] - half, 5), round(area[0] + half, 5)) == (0.83295, 0.95339)


def test_a_patient_of_several_cases_counts_as_one():
    truth, scores = drawn(1)
    groups = [str(i) for i in range(len(truth))]
    every = [np.repeat(part, 3, axis=0) for part in (truth, scores, np.array(groups))]

    single, copied = areas(truth, scores, groups)[1], areas(*every)[1]

    np.testing.assert_allclose(copied, single)
    assert (areas(every[0], every[1])[1].diagonal() < 0.5 * single.diagonal()).all()


def test_equal_models_do_not_differ_and_unequal_ones_do():
    truth, scores = drawn(3, n=400)

    same = compare_areas(truth, scores[:, 0], 5 * scores[:, 0])
    other = compare_areas(truth, scores[:, 0], scores[:, 1])
    assert (same["difference"], same["p"], same["low"], same["high"]) == (0, 1, 0, 0)
    assert other["difference"] > other["low"] > 0 and other["p"] < 0.05
    z = norm.isf(other["p"] / 2)
    assert z == pytest.approx(other["z"])


def test_without_both_kinds_nothing_is_known():
    row = compare_areas(np.ones(5, bool), np.arange(5.0), np.arange(5.0))

    assert np.isnan([row[name] for name in ("first", "difference", "low", "p")]).all()


def test_the_level_holds_for_patients_with_several_images_on_both_sides():
    trials, refused = 400, 0
    for trial in range(trials):
        rng = np.random.default_rng([5, trial])
        patients = np.repeat(np.arange(50), 4)
        truth = rng.random(200) < 0.5
        scores = truth[:, None] + rng.normal(size=(50, 2))[patients] + rng.normal(size=(200, 2))
        refused += float(compare_areas(truth, scores[:, 0], scores[:, 1], patients.astype(str))["p"]) < 0.05

    assert 0.02 < refused / trials < 0.09
