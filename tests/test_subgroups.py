"""Scores of subgroups: their patients are drawn within them, and their distance is known as well as both are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from zoo.common.errors import ConfigError
from zoo.common.types import Case
from zoo.report.subgroups import UNKNOWN, Subgroups, divide, named_subgroups


def mean(cases: Sequence[Case]) -> dict[str, float]:
    return {"score": float(np.mean([float(case.row["score"]) for case in cases])) if cases else float("nan")}


def divided(scores: Sequence[float], names: Sequence[str], groups: Sequence[str]) -> Subgroups:
    cases = [Case({"name": str(i), "score": float(score)}) for i, score in enumerate(scores)]
    return divide("sex", names, cases, groups, mean, lambda cases: None, draws=400)


def test_each_subgroup_draws_its_own_patients() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(0, 1, 100), rng.normal(5, 3, 50)])
    names = ["F"] * 100 + ["M"] * 50
    rows = {row["subgroup"]: row for row in divided(scores, names, [str(i) for i in range(150)]).rows}

    for name, own in (("F", scores[:100]), ("M", scores[100:])):
        half = 1.96 * own.std() / len(own) ** 0.5
        assert rows[name]["value"] == pytest.approx(own.mean())
        assert rows[name]["high"] - rows[name]["low"] == pytest.approx(2 * half, rel=0.2), name
        assert rows[name]["cases"] == rows[name]["groups"] == len(own)


def test_the_difference_has_the_spread_of_both() -> None:
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(0, 1, 80), rng.normal(1, 1, 80)])
    (row,) = divided(scores, ["F"] * 80 + ["M"] * 80, [str(i) for i in range(160)]).differences

    assert (row["largest"], row["smallest"]) == ("M", "F")
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * (2 / 80) ** 0.5, rel=0.25)


def test_eyes_of_the_same_patients_are_compared_within_them() -> None:
    own = np.repeat(np.random.default_rng(2).normal(0, 5, 60), 2)  # patients differ much, their two sides little
    scores = own + np.tile([0.0, 1.0], 60)
    groups = [str(i // 2) for i in range(120)]
    (row,) = divided(scores, ["left", "right"] * 60, groups).differences

    assert row["low"] == pytest.approx(1) and row["high"] == pytest.approx(1)


def test_a_score_that_the_first_subgroup_lacks_is_compared_between_the_others() -> None:
    def summarise(cases: Sequence[Case]) -> dict[str, float]:
        return {"mm": mean(cases)["score"]} if float(cases[0].row["score"]) else {}

    cases = [Case({"name": str(i), "score": float(i // 6)}) for i in range(18)]
    names = [name for name in ("A", "B", "C") for _ in range(6)]

    (row,) = divide("site", names, cases, [str(i) for i in range(18)], summarise, lambda cases: None, 50).differences

    assert (row["metric"], row["largest"], row["smallest"], row["difference"]) == ("mm", "C", "B", 1)


def test_a_single_patient_has_a_score_but_no_interval() -> None:
    found = divided([1, 2, 3, 4], ["F", "F", "M", "M"], ["a", "b", "c", "c"])
    rows = {row["subgroup"]: row for row in found.rows}

    assert rows["M"]["value"] == 3.5 and np.isnan(rows["M"]["low"]) and found.differences == []


def test_names_are_kept_numbers_divided_and_gaps_told() -> None:
    assert named_subgroups(["F", "", "M"], "sex") == ["F", UNKNOWN, "M"]
    assert named_subgroups(["1.5", "3", "1.5"], "tesla") == ["1.5", "3", "1.5"]
    ages = named_subgroups([*map(str, range(20, 80)), ""], "age")
    assert {ages.count(name) for name in set(ages) - {UNKNOWN}} == {20} or len(set(ages)) == 4
    widths = named_subgroups(["288"] * 30 + [str(100 + i) for i in range(8)], "w")
    assert len(set(widths)) == 3 and widths.count(widths[0]) >= 30
    with pytest.raises(ConfigError, match="41 different values"):
        named_subgroups([f"site{i}" for i in range(41)], "site")


def test_few_patients_have_a_score_but_no_interval() -> None:
    found = divided(range(9), ["F"] * 4 + ["M"] * 5, [str(i) for i in range(9)])
    known = {row["subgroup"]: not np.isnan(row["low"]) for row in found.rows}

    assert known == {"F": False, "M": True} and found.differences == []


def test_subgroups_that_are_alike_are_compared_with_each_other() -> None:
    (row,) = divided([1, 2, 3, 4, 5] * 2, ["F"] * 5 + ["M"] * 5, [str(i) for i in range(10)]).differences

    assert {row["largest"], row["smallest"]} == {"F", "M"} and row["difference"] == 0
    assert row["low"] < 0 < row["high"]
