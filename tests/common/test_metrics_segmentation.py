"""Scores over cases and labels: what is counted, what a miss costs, who is better."""

import numpy as np
import pytest

from zoo.common.errors import ConfigError, InputError
from zoo.common.metrics.segmentation import Policy, compare, score_case, summarise

LABELS = {"heart": 1, "lungs": (2, 3)}
TRUTH = np.zeros((8, 8), np.uint8)
TRUTH[1:3, 1:5] = 1
TRUTH[5:7, 1:4] = 2
TRUTH[5:7, 5:8] = 3


def score(prediction, case="a", policy=None):
    return score_case(case, TRUTH, prediction, LABELS, (1.0, 1.0), policy=policy)


def missing(value):
    return np.where(value == TRUTH, 0, TRUTH)


def test_a_perfect_case_scores_one():
    for row in score(TRUTH):
        assert (row["dice"], row["hd95_mm"], row["surface_dice"], row["missed"]) == (1, 0, 1, 0)


def test_labels_of_a_tuple_may_be_swapped():
    swapped = TRUTH.copy()
    swapped[TRUTH == 2], swapped[TRUTH == 3] = 3, 2

    assert score(swapped)[1]["dice"] == 1


def test_a_missed_case_never_improves_a_mean():
    rng = np.random.default_rng(0)
    good = [row for case in "abc" for row in score(TRUTH, case)]

    summary = {(row["label"], row["metric"]): row for row in summarise(good + score(missing(1), "d"), rng, 100)}

    heart = summary["heart", "hd95_mm"]
    assert (heart["mean"], heart["missed"], heart["used"], heart["undefined"]) == (np.inf, 1, 4, 0)
    assert summary["heart", "dice"]["mean"] == 0.75
    assert summary["heart", "precision"]["undefined"] == 1
    assert summary["lungs", "hd95_mm"]["mean"] == 0


def test_a_penalty_keeps_the_mean_finite():
    assert score(missing(1), policy=Policy(missed_mm=20.0))[0]["hd95_mm"] == 20


def test_interval_holds_the_mean():
    rows = [row for i in range(8) for row in score(np.roll(TRUTH, i % 2, 0), f"case{i}")]

    for row in summarise(rows, np.random.default_rng(0), 200):
        assert row["low"] <= row["mean"] <= row["high"]


def test_the_better_model_is_seen():
    first = [row for i in range(10) for row in score(TRUTH, f"case{i}")]
    second = [row for i in range(10) for row in score(np.roll(TRUTH, 1, 1), f"case{i}")]

    heart = compare(first, second, "dice", np.random.default_rng(0))[0]

    assert heart["difference"] == pytest.approx(0.25)
    assert heart["low"] == pytest.approx(0.25)
    assert heart["p"] < 0.01
    assert heart["used"] == 10


def test_equal_models_do_not_differ():
    rows = [row for i in range(4) for row in score(missing(1), f"case{i}")]

    heart = compare(rows, rows, "hd95_mm", np.random.default_rng(0))[0]  # both missed: a tie

    assert (heart["difference"], heart["p"]) == (0, 1)


def test_models_must_share_their_cases():
    with pytest.raises(InputError, match="different cases"):
        compare(score(TRUTH, "a"), score(TRUTH, "b"), "dice", np.random.default_rng(0))


def test_an_unknown_metric_is_named():
    with pytest.raises(ConfigError, match="dise"):
        score_case("a", TRUTH, TRUTH, LABELS, (1.0, 1.0), metrics=["dise"])
