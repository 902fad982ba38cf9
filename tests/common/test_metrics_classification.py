"""Scores of classifiers: by hand, by scikit-learn, and where they are undefined."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sklearn

from zoo.common.metrics.bootstrap import bootstrap_interval
from zoo.common.metrics.classification import (
    accuracy,
    average_precision,
    best_threshold,
    brier,
    calibration_error,
    confusion_matrix,
    f1,
    log_loss,
    precision,
    roc_auc,
    sensitivity,
    specificity,
    summarise_classification,
)

KNOWN = Path(__file__).parents[3] / "shared" / "known_answers"


def drawn(n, k, seed):
    """Draw labels and probabilities that know something about them, with ties."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(k, size=n)
    scores = np.round(rng.random((n, k)) + 0.6 * np.eye(k)[labels], 1) + 0.1
    return labels, scores / scores.sum(1, keepdims=True)


@pytest.mark.parametrize(("k", "seed"), [(2, 0), (2, 1), (3, 2), (5, 3)])
def test_summary_agrees_with_scikit_learn(k, seed):
    labels, p = drawn(200, k, seed)
    predicted = p.argmax(1)
    mean = {"average": "binary" if k == 2 else "macro"}
    score = p[:, 1] if k == 2 else p
    truth = labels if k == 2 else np.eye(k)[labels]
    expected = {
        "accuracy": sklearn.accuracy_score(labels, predicted),
        "balanced_accuracy": sklearn.balanced_accuracy_score(labels, predicted),
        "roc_auc": sklearn.roc_auc_score(labels, score, multi_class="ovr"),
        "average_precision": sklearn.average_precision_score(truth, score),
        "f1": sklearn.f1_score(labels, predicted, **mean),
        "sensitivity": sklearn.recall_score(labels, predicted, **mean),
        "log_loss": sklearn.log_loss(labels, p),
    }
    if k == 2:
        expected["specificity"] = sklearn.recall_score(labels, predicted, pos_label=0)
        expected["brier"] = sklearn.brier_score_loss(labels, score)

    found = summarise_classification(labels, p)

    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


@pytest.mark.skipif(not KNOWN.is_dir(), reason=f"{KNOWN} is not on this machine")
def test_three_classes_give_the_known_answers():
    case = json.loads((KNOWN / "classification.json").read_text())["cases"]["three_class"]
    arrays = np.load(KNOWN / "inputs.npz")
    labels, p = arrays[case["inputs"]["truth"]], arrays[case["inputs"]["probability"]]
    expected = {key: case["expected"][key] for key in ("accuracy", "balanced_accuracy", "log_loss")}
    expected |= {"f1": case["expected"]["f1_macro"], "sensitivity": case["expected"]["recall_macro"]}
    expected["calibration_error"] = case["observed"]["ece_15_bins_top_label_l1"]["torchmetrics.calibration_error"]
    expected["roc_auc"] = case["observed"]["roc_auc_ovr_macro"]["sklearn"]

    found = summarise_classification(labels, p)

    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    np.testing.assert_array_equal(confusion_matrix(labels, p.argmax(1), 3), case["expected"]["confusion_matrix"])


# 20 true and 10 false alarms, 5 missed, 65 rightly left alone
MATRIX = np.array([[65, 10], [5, 20]])


def test_counts_give_the_textbook_scores():
    assert accuracy(MATRIX) == 0.85
    assert sensitivity(MATRIX) == 0.8
    assert specificity(MATRIX) == pytest.approx(65 / 75)
    assert precision(MATRIX) == pytest.approx(2 / 3)
    assert f1(MATRIX) == pytest.approx(40 / 55)


def test_confusion_matrix_has_truth_in_rows():
    np.testing.assert_array_equal(confusion_matrix([0, 1, 2, 2], [0, 2, 2, 1], 3), [[1, 0, 0], [0, 0, 1], [0, 1, 1]])


def test_roc_auc_of_a_hand_case_with_a_tie():
    # of the four pairs two are right, one is a tie, one is wrong
    assert roc_auc(np.array([1, 0, 1, 0]), np.array([0.9, 0.5, 0.5, 0.7])) == 2.5 / 4


def test_average_precision_of_a_hand_case():
    # hits at ranks 1 and 3: (1 / 1 + 2 / 3) / 2
    assert average_precision(np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx(5 / 6)


def test_roc_auc_turns_around_with_the_labels():
    labels, p = drawn(100, 2, 4)

    assert roc_auc(labels == 1, p[:, 1]) == pytest.approx(1 - roc_auc(labels == 0, p[:, 1]))


def test_calibration_error_of_a_hand_case():
    # bin (0.6, 0.8]: confidence 0.7, half right; bin (0.8, 1]: confidence 0.9, all right
    p = np.array([[0.3, 0.7], [0.3, 0.7], [0.1, 0.9], [0.1, 0.9]])

    assert calibration_error(np.array([1, 0, 1, 1]), p, bins=5) == pytest.approx(0.5 * 0.2 + 0.5 * 0.1)


def test_confidence_on_a_border_belongs_to_the_lower_bin():
    # 0.75 shares a bin with 0.7, so a hit and a miss nearly cancel; apart they would add up to 0.475
    p = np.array([[0.25, 0.75], [0.3, 0.7]])

    assert calibration_error(np.array([1, 0]), p, bins=4) == pytest.approx(abs(1 - 0.75 - 0.7) / 2)


def test_honest_probabilities_are_calibrated():
    rng = np.random.default_rng(6)
    p = rng.random(20000)
    labels = (rng.random(20000) < p).astype(int)

    assert calibration_error(labels, np.stack([1 - p, p], 1)) < 0.02


def test_sure_and_right_has_no_loss():
    labels, p = np.array([0, 1]), np.eye(2)

    assert log_loss(labels, p) == 0 and brier(labels, p) == 0


def test_sure_and_wrong_has_a_finite_loss():
    assert log_loss(np.array([0, 1]), np.eye(2)[::-1]) == pytest.approx(-math.log(np.finfo(float).eps))


def test_brier_counts_two_classes_once_and_sums_over_more():
    assert brier(np.array([1]), np.array([[0.3, 0.7]])) == pytest.approx(0.09)
    assert brier(np.array([1]), np.array([[0.3, 0.7, 0.0]])) == pytest.approx(0.18)


def test_everything_is_undefined_without_cases():
    found = summarise_classification(np.zeros(0, int), np.zeros((0, 2)))

    assert all(math.isnan(value) for value in found.values())


def test_ranking_is_undefined_with_one_class_only():
    found = summarise_classification(np.array([0, 0]), np.array([[0.9, 0.1], [0.4, 0.6]]))

    assert math.isnan(found["roc_auc"]) and math.isnan(found["sensitivity"])
    assert found["accuracy"] == found["specificity"] == found["balanced_accuracy"] == 0.5
    assert found["f1"] == 0  # a false alarm and nothing to find


def test_best_threshold_separates_what_can_be_separated():
    labels, p = np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.6, 0.7, 0.8, 0.9])

    assert best_threshold(labels, p) == pytest.approx(0.75)


def test_best_threshold_stays_at_one_half_when_that_is_as_good():
    assert best_threshold(np.array([0, 1]), np.array([0.2, 0.9])) == 0.5


# --- intervals -------------------------------------------------------------------------------------------------------


def share(rows):
    return {"share": float(np.mean([row["hit"] for row in rows]))}


def hits(values):
    return [{"name": str(i), "hit": float(value)} for i, value in enumerate(values)]


def test_interval_of_a_share_is_near_the_binomial_one():
    rows = hits([1] * 300 + [0] * 100)

    low, high = bootstrap_interval(rows, share, [row["name"] for row in rows], np.random.default_rng(0))["share"]

    margin = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert low == pytest.approx(0.75 - margin, abs=0.01) and high == pytest.approx(0.75 + margin, abs=0.01)


def test_cases_of_one_patient_widen_the_interval():
    rows = hits(np.repeat(np.random.default_rng(1).random(20) < 0.7, 20))
    alone, together = [str(i) for i in range(400)], [str(i // 20) for i in range(400)]

    widths = []
    for groups in (alone, together):
        low, high = bootstrap_interval(rows, share, groups, np.random.default_rng(0), n=300)["share"]
        widths.append(high - low)

    assert widths[1] > 2.5 * widths[0]


def test_a_drawn_patient_brings_all_cases():
    rows = hits([1, 0, 0, 0])

    seen = set()
    bootstrap_interval(
        rows, lambda chosen: seen.add(len(chosen)) or share(chosen), list("abbb"), np.random.default_rng(0)
    )

    assert seen == {2, 4, 6}


@pytest.mark.parametrize("seed", range(4))
def test_a_score_that_few_cases_have_is_drawn_from_the_draws_that_have_it(seed):
    rows = [{"name": "a", "error_mm": 2.0}, *({"name": str(i), "error_px": float(i)} for i in range(4))]

    def means(chosen):
        known = {key for row in chosen for key in row} - {"name"}
        return {key: float(np.mean([row[key] for row in chosen if key in row])) for key in known}

    found = bootstrap_interval(rows, means, list("abcde"), np.random.default_rng(seed))

    assert found["error_mm"] == (2, 2) and found["error_px"][0] < 1.5 < found["error_px"][1]


def test_equal_seeds_give_equal_intervals():
    rows = hits([1, 0, 1, 1, 0, 1])
    groups = list("abcdef")

    first, second = (bootstrap_interval(rows, share, groups, np.random.default_rng(3), n=50) for _ in range(2))

    assert first == second


def test_one_group_says_nothing_about_others():
    low, high = bootstrap_interval(hits([1, 0]), share, ["a", "a"], np.random.default_rng(0))["share"]

    assert math.isnan(low) and math.isnan(high)


def test_undefined_draws_do_not_count():
    rows = hits([1, 0, 0, 0])

    def ratio(chosen):
        found = sum(row["hit"] for row in chosen)
        return {"ratio": 1.0 if found else float("nan")}

    assert bootstrap_interval(rows, ratio, list("abcd"), np.random.default_rng(0), n=50)["ratio"] == (1.0, 1.0)
