"""Scores per class equal scikit-learn's, and their intervals hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn import metrics as sklearn

from zoo.common.errors import ConfigError
from zoo.common.metrics.class_scores import Answers, answers_of, class_draws, class_rows, confusion_rows, threshold_at

NAN = float("nan")


def drawn(seed: int, n: int = 60, k: int = 4) -> Answers:
    """Draw cases with many equal probabilities; the last class never occurs, and may not be called either."""
    rng = np.random.default_rng(seed)
    k = k if seed % 2 else 2
    labels = rng.integers(max(k - 1, 2) if k > 2 else 2, size=n)
    scores = np.round(rng.random((n, k)) + 0.5 * np.eye(k)[labels], 1) + 0.1
    groups = tuple(str(g) for g in rng.integers(n // 2, size=n))
    return Answers(tuple(f"class {i}" for i in range(k)), labels, scores / scores.sum(1, keepdims=True), groups)


def by_name(answers: Answers, **more) -> dict[tuple[str, str], dict]:
    return {(row["class"], row["metric"]): row for row in class_rows(answers, draws=2, **more)}


def expected(is_positive: np.ndarray, called: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    tn, fp, fn, tp = sklearn.confusion_matrix(is_positive, called, labels=[False, True]).ravel()
    found = {"sensitivity": (tp, fn), "specificity": (tn, fp), "ppv": (tp, fp), "npv": (tn, fn)}
    out = {name: a / (a + b) if a + b else NAN for name, (a, b) in found.items()}
    out |= {"true_positives": tp, "false_positives": fp, "false_negatives": fn, "true_negatives": tn}
    out["f1"] = sklearn.f1_score(is_positive, called, zero_division=np.nan)
    out["roc_auc"] = sklearn.roc_auc_score(is_positive, scores) if 0 < is_positive.sum() < len(scores) else NAN
    out["average_precision"] = sklearn.average_precision_score(is_positive, scores) if is_positive.any() else NAN
    return out


def test_every_score_of_40_random_cases_equals_scikit_learns_with_ties_and_an_absent_class():
    for seed in range(40):
        answers = drawn(seed)
        found = by_name(answers)
        called = answers.probabilities.argmax(1)
        for c, name in enumerate(answers.classes):
            for metric, value in expected(answers.labels == c, called == c, answers.probabilities[:, c]).items():
                np.testing.assert_allclose(found[name, metric]["value"], value, atol=1e-12, err_msg=f"{seed} {metric}")


def test_a_drawn_case_counts_as_often_as_it_was_drawn():
    answers = drawn(1)
    found = class_draws(answers, answers.called, draws=3)[1]
    rng = np.random.default_rng(0)
    names = list(dict.fromkeys(answers.groups))
    for draw in range(3):
        chosen = [
            i
            for g in rng.integers(len(names), size=len(names))
            for i in np.flatnonzero(np.array(answers.groups) == names[g])
        ]
        truth, scores = answers.labels[chosen] == 1, answers.probabilities[chosen, 1]
        assert found["roc_auc"][draw, 1] == pytest.approx(sklearn.roc_auc_score(truth, scores))
        assert found["average_precision"][draw, 1] == pytest.approx(sklearn.average_precision_score(truth, scores))


def test_the_confusion_matrix_is_scikit_learns_and_its_rows_sum_to_100_per_cent():
    answers = drawn(3)
    rows = confusion_rows(answers)
    counts = [[row[name] for name in answers.classes] for row in rows]
    np.testing.assert_array_equal(
        counts, sklearn.confusion_matrix(answers.labels, answers.probabilities.argmax(1), labels=range(4))
    )
    shares = np.array([[row[f"{name} [%]"] for name in answers.classes] for row in rows])
    np.testing.assert_allclose(shares.sum(1)[:3], 100)
    assert np.isnan(shares[3]).all()  # the class that never occurs


@pytest.mark.parametrize("least", [0.5, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("seed", range(8))
def test_the_operating_point_is_the_first_of_scikit_learns_curve_that_reaches_the_share(seed, least):
    answers = drawn(2 * seed)
    truth, scores = answers.labels == 1, answers.probabilities[:, 1]
    fpr, tpr, thresholds = sklearn.roc_curve(truth, scores, drop_intermediate=False)

    at = threshold_at(truth, scores, least=least, of="sensitivity")
    assert at == thresholds[np.flatnonzero(tpr >= least - 1e-12)[0]]

    at = threshold_at(truth, scores, least=least, of="specificity")
    place = np.flatnonzero(1 - fpr >= least - 1e-12)[-1]
    assert ((scores >= at) == (scores >= thresholds[place])).all()


def test_an_operating_point_without_cases_is_undefined_and_beyond_all_of_them_refused():
    assert np.isnan(threshold_at(np.zeros(3, bool), np.arange(3.0), least=0.9, of="sensitivity"))
    with pytest.raises(ConfigError, match=r"0\.95"):
        threshold_at(np.ones(3, bool), np.arange(3.0), least=95, of="sensitivity")


def test_all_right_is_no_certainty():
    labels = np.arange(20) % 2
    answers = Answers(("no", "yes"), labels, np.eye(2)[labels], tuple(map(str, range(20))))
    row = by_name(answers)["yes", "sensitivity"]

    # ten patients, all found: the rule of three puts the share of missed ones below 0.3
    assert row["value"] == row["high"] == 1 and 0.6 < row["low"] < 0.75
    assert by_name(answers)["yes", "roc_auc"]["low"] < 0.75


def test_images_of_one_patient_say_less_than_as_many_patients():
    labels = np.repeat(np.arange(40) % 2, 5)
    p = np.repeat(np.random.default_rng(0).random(40) * 0.6 + 0.4 * (np.arange(40) % 2), 5)  # all five alike
    by_patient = Answers(("no", "yes"), labels, np.stack([1 - p, p], 1), tuple(str(i // 5) for i in range(200)))
    alone = Answers(by_patient.classes, labels, by_patient.probabilities, tuple(map(str, range(200))))

    widths = []
    for answers in (by_patient, alone):
        row = next(r for r in class_rows(answers, draws=300) if (r["class"], r["metric"]) == ("yes", "sensitivity"))
        widths.append(row["high"] - row["low"])
    assert widths[0] / widths[1] == pytest.approx(5**0.5, rel=0.25)


def test_one_patient_gives_no_interval():
    answers = drawn(0)
    rows = by_name(Answers(answers.classes, answers.labels, answers.probabilities, ("a",) * 60))

    assert np.isnan(rows["class 1", "sensitivity"]["low"]) and rows["class 1", "sensitivity"]["value"] > 0


def test_rows_of_another_task_are_no_answers_of_a_classifier():
    assert answers_of([{"name": "a", "group": "", "dice": 0.5}]) is None
    assert answers_of([]) is None
    assert answers_of([{"name": "a", "group": "", "label": 1.0, "p_a": 0.3, "p_b": 0.7}]).groups == ("a",)


@pytest.mark.slow
def test_intervals_hold_the_truth_in_92_to_98_of_100_draws_of_patients_with_several_images():
    shift, between, cut, trials = (
        1.2,
        0.5,
        0.6,
        500,
    )  # scores are normal; images of a patient share half of the variance
    truth = {
        "roc_auc": norm.cdf(shift / 2**0.5),
        "sensitivity": norm.cdf(shift - cut),
        "specificity": norm.cdf(cut),
    }
    truth["ppv"] = truth["sensitivity"] / (truth["sensitivity"] + 1 - truth["specificity"])
    held = dict.fromkeys(truth, 0)
    for trial in range(trials):
        rng = np.random.default_rng([7, trial])
        patients = np.repeat(np.arange(80), rng.integers(1, 4, size=80))
        labels = rng.integers(2, size=80)[patients]
        own = rng.normal(size=80)[patients] * between**0.5 + rng.normal(size=len(patients)) * (1 - between) ** 0.5
        p = norm.cdf(own + shift * labels - cut)
        answers = Answers(("no", "yes"), labels, np.stack([1 - p, p], 1), tuple(map(str, patients)))
        for row in class_rows(answers, draws=400):
            if row["class"] == "yes" and row["metric"] in truth:
                held[row["metric"]] += row["low"] <= truth[row["metric"]] <= row["high"]

    assert all(0.92 <= count / trials <= 0.98 for count in held.values()), held
