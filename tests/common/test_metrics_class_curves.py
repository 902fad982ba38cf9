"""Curves of a classifier equal scikit-learn's, and the net benefit is counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn
from sklearn.calibration import calibration_curve

from zoo.common.metrics.class_curves import CALLED, calibration_rows, class_curves, decision_rows, ranked_points
from zoo.common.metrics.class_pictures import draw_answers
from zoo.common.metrics.class_scores import Answers, class_rows
from zoo.common.metrics.classification import calibration_error
from zoo.common.metrics.curves import draw_curve


def drawn(seed: int, k: int = 2, n: int = 120, occurring: int = 0) -> Answers:
    rng = np.random.default_rng(seed)
    labels = rng.integers(occurring or k, size=n)
    scores = np.round(rng.random((n, k)) + 0.5 * np.eye(k)[labels], 1) + 0.1
    names = tuple(f"class {i}" for i in range(k))
    return Answers(names, labels, scores / scores.sum(1, keepdims=True), tuple(str(i // 2) for i in range(n)))


@pytest.mark.parametrize("seed", range(5))
def test_points_are_scikit_learns(seed):
    answers = drawn(seed)
    truth, scores = answers.labels == 1, answers.probabilities[:, 1]
    points = ranked_points(truth, scores)

    fpr, tpr, thresholds = sklearn.roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(points[:, [1, 0, 3]], np.column_stack([fpr, tpr, thresholds]), atol=1e-12)
    precision, recall, thresholds = sklearn.precision_recall_curve(truth, scores)
    np.testing.assert_allclose(points[1:, 2], precision[:-1][::-1], atol=1e-12)
    np.testing.assert_allclose(points[1:, 0], recall[:-1][::-1], atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_calibration_is_scikit_learns_and_sums_up_to_the_error(seed):
    answers = drawn(seed)
    rows = [row for row in calibration_rows(answers) if row["of"] == "class 1"]
    share, mean = calibration_curve(answers.labels, answers.probabilities[:, 1], n_bins=10)
    np.testing.assert_allclose([[row["share"], row["probability"]] for row in rows], np.column_stack([share, mean]))

    called = [row for row in calibration_rows(answers) if row["of"] == CALLED]
    error = sum(row["cases"] * abs(row["share"] - row["probability"]) for row in called) / len(answers.labels)
    assert error == pytest.approx(calibration_error(answers.labels, answers.probabilities))


def test_net_benefit_by_hand():
    p = np.array([0.9, 0.6, 0.4, 0.1])
    answers = Answers(("no", "yes"), np.array([1, 0, 1, 0]), np.stack([1 - p, p], 1), tuple("abcd"))
    found = {(row["line"], round(row["threshold"], 2)): row["net_benefit"] for row in decision_rows(answers)}

    assert found["model", 0.5] == pytest.approx(1 / 4 - 1 / 4)
    assert found["model", 0.2] == pytest.approx(2 / 4 - 1 / 4 * 0.25)
    assert found["call all", 0.2] == pytest.approx(2 / 4 - 2 / 4 * 0.25)
    assert found["call none", 0.2] == 0


def test_curves_pass_through_the_point_at_which_two_classes_are_told_apart():
    answers = drawn(3)
    curves = class_curves(answers, class_rows(answers, draws=50))

    (x, y), points = curves["roc"].working["class 1"], curves["roc"].lines["class 1"]
    assert np.abs(points[:, :2] - (x, y)).sum(1).min() < 1e-12
    left, right, low, high = curves["roc"].bars["class 1"]
    assert left < x < right and low < y < high
    area = (
        np.trapezoid(points[:, 1], points[:, 0]) if hasattr(np, "trapezoid") else np.trapz(points[:, 1], points[:, 0])
    )
    assert area == pytest.approx(sklearn.roc_auc_score(answers.labels, answers.probabilities[:, 1]))


def test_a_class_that_never_occurs_has_no_curve():
    answers = drawn(1, k=4, occurring=3)
    curves = class_curves(answers, class_rows(answers, draws=20))

    assert list(curves["roc"].lines) == ["class 0", "class 1", "class 2"]
    one = Answers(answers.classes, 0 * answers.labels, answers.probabilities, answers.groups)
    assert class_curves(one, class_rows(one, draws=20)) == {}


@pytest.mark.parametrize("answers", [drawn(0), drawn(1, k=4, occurring=3), drawn(2, k=3, n=1, occurring=1)])
def test_every_picture_is_drawn_whatever_is_absent(answers):
    assert set(draw_answers(answers)) == {"confusion", "reliability", "decision"}
    for curve in class_curves(answers, class_rows(answers, draws=20)).values():
        draw_curve(curve).canvas.draw()


def test_the_picture_of_the_matrix_tells_counts_and_shares():
    answers = Answers(("no", "yes"), np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]), tuple("abc"))

    texts = [text.get_text() for text in draw_answers(answers)["confusion"].axes[0].texts]

    assert texts == ["1\n50 %", "1\n50 %", "0\n0 %", "1\n100 %"]
