"""Columns of scores: what a mean rests on, and whether two models differ on the same cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from zoo.common.errors import InputError
from zoo.common.metrics.cases import (
    class_of,
    compare_columns,
    compare_pooled,
    count_missed,
    mean_of_defined,
    pair_rows,
    score_columns,
    summarise_columns,
)

RNG = np.random.default_rng(0)
NAN, INF = float("nan"), float("inf")


def names(count):
    return [f"p{i}" for i in range(count)]


@pytest.mark.parametrize(
    ("values", "expected"), [([], NAN), ([NAN], NAN), ([1, NAN, 3], 2), ([1, INF], INF), ([INF, -INF], NAN)]
)
def test_mean_of_what_is_defined(values, expected):
    np.testing.assert_equal(mean_of_defined(values), expected)


def test_columns_that_name_or_size_a_case_are_no_scores():
    row = {"name": "a", "group": "g", "label": 1.0, "p_covid": 0.3, "reference_hc_mm": 1.0, "predicted_hc_mm": 2.0}

    assert score_columns([{**row, "dice": 0.5}, row]) == {"dice": [0.5, pytest.approx(NAN, nan_ok=True)]}


def test_the_longest_class_name_wins():
    classes = ("lung", "left_lung", "head")

    assert [class_of(c, classes) for c in ("dice_left_lung", "dice_lung", "angle_error_head_deg", "hc_error_mm")] == [
        "left_lung",
        "lung",
        "head",
        "",
    ]


def test_misses_are_counted_by_class_and_in_all():
    columns = {"missed_a": [1, 0, NAN], "missed_b": [1, 1, 0], "dice_a": [0, 1, NAN], "hc_error_mm": [1, 2, 3]}

    assert [count_missed(columns, name) for name in ("dice_a", "hc_error_mm")] == [1, 3]


def test_a_summary_says_how_many_cases_it_rests_on():
    (row,) = summarise_columns({"dice": [0.5, NAN, 1.0, 0.0]}, names(4), np.random.default_rng(0))

    assert (row["mean"], row["median"], row["cases"], row["used"], row["undefined"]) == (0.5, 0.5, 4, 3, 1)
    assert 0 <= row["low"] <= 0.5 <= row["high"] <= 1


def test_interval_of_a_mean_is_near_the_normal_one():
    values = RNG.normal(3, 2, 400)

    (row,) = summarise_columns({"x": values}, names(400), np.random.default_rng(0))

    margin = 1.96 * values.std() / 20
    assert row["low"] == pytest.approx(values.mean() - margin, abs=0.03)
    assert row["high"] == pytest.approx(values.mean() + margin, abs=0.03)


def test_an_infinite_distance_reaches_the_interval():
    (row,) = summarise_columns({"hd95_mm": [1.0, 2.0, INF, 1.5]}, names(4), np.random.default_rng(0))

    assert (row["mean"], row["high"], row["median"]) == (INF, INF, 1.75)
    assert np.isfinite(row["low"])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=15), st.integers(0, 14))
def test_a_worse_case_never_improves_a_mean(values, place):
    worse = list(values)
    worse[place % len(values)] = 0.0

    before, after = (
        summarise_columns({"dice": v}, names(len(v)), np.random.default_rng(0), 20)[0] for v in (values, worse)
    )

    assert after["mean"] <= before["mean"] and after["low"] <= before["low"] and after["high"] <= before["high"]


def test_differences_and_tests_agree_with_scipy():
    first, second = RNG.normal(0.8, 0.1, 30), RNG.normal(0.75, 0.1, 30)

    (row,) = compare_columns({"dice": first}, {"dice": second}, names(30), np.random.default_rng(0))

    assert row["difference"] == pytest.approx((first - second).mean())
    assert row["p"] == pytest.approx(stats.wilcoxon(first, second).pvalue)
    assert row["p_sign"] == pytest.approx(stats.binomtest(int((first > second).sum()), 30).pvalue)
    assert row["low"] < row["difference"] < row["high"]


def test_sign_test_of_right_and_wrong_is_mcnemars():
    first, second = [1] * 9 + [0] * 1 + [1] * 20, [0] * 9 + [1] * 1 + [1] * 20

    (row,) = compare_columns({"correct": first}, {"correct": second}, names(30), np.random.default_rng(0))

    assert row["p_sign"] == pytest.approx(2 * (1 + 10) / 2**10)  # 9 against 1 of 10 fair coins


def test_a_patient_with_many_cases_is_one_difference():
    first, second, one = np.full(40, 0.9), np.full(40, 0.8), ["p"] * 40

    (row,) = compare_columns({"dice": first}, {"dice": second}, one, np.random.default_rng(0))

    assert (row["p"], row["p_sign"], row["used"]) == (1, 1, 40)
    assert np.isnan(row["low"])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 20))
def test_a_comparison_turned_round_has_the_other_sign(seed, count):
    rng = np.random.default_rng(seed)
    first, second = ({"x": np.where(rng.random(count) < 0.2, NAN, rng.normal(size=count))} for _ in range(2))

    (one,), (other,) = (
        compare_columns(a, b, names(count), np.random.default_rng(0), 50) for a, b in ((first, second), (second, first))
    )

    for key, turned in (("difference", "difference"), ("low", "high"), ("high", "low")):
        np.testing.assert_allclose(one[key], -other[turned], atol=1e-12)
    np.testing.assert_equal([one[k] for k in ("p", "p_sign", "used")], [other[k] for k in ("p", "p_sign", "used")])


def test_undefined_for_either_is_counted_and_infinite_for_both_is_a_tie():
    first, second = {"x": [NAN, INF, 1.0, 4.0]}, {"x": [1.0, INF, 2.0, 2.0]}

    (row,) = compare_columns(first, second, names(4), np.random.default_rng(0))

    assert (row["used"], row["undefined"], row["difference"]) == (3, 1, pytest.approx(1 / 3))


def test_a_pooled_difference_is_that_of_the_two_summaries():
    labels = [0, 0, 0, 1, 1, 1] * 5
    first = [{"name": str(i), "group": str(i), "x": float(v)} for i, v in enumerate(labels)]
    second = [{**row, "x": 0.0} for row in first]

    (row,) = compare_pooled(
        first, second, lambda rows: {"m": max(r["x"] for r in rows)}, names(30), np.random.default_rng(0)
    )

    assert (row["first"], row["second"], row["difference"], row["low"]) == (1, 0, 1, 1)
    assert "p" not in row


def test_rows_are_paired_by_name_whatever_their_order():
    first = [{"name": name, "dice": value} for name, value in (("a", 1), ("b", 2), ("b", 3))]
    second = [first[1], first[2], first[0]]

    assert pair_rows(first, second, ("name",)) == first


def test_other_cases_are_named():
    with pytest.raises(InputError, match=r"2 are in one only, such as a; score both on the same"):
        pair_rows([{"name": "a"}], [{"name": "b"}], ("name",))
