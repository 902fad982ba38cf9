"""Scores of many cases, column by column: what a mean rests on, and whether two models differ on the same cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from zoo.common.errors import InputError
from zoo.common.metrics.bootstrap import bootstrap_interval
from zoo.common.types import Row

Columns = Mapping[str, Sequence[float]]  # name of a score: one value per case, nan where undefined
Summarise = Callable[[Sequence[Row]], dict[str, float]]
NAN = float("nan")
LARGEST = 1e300  # stands for inf while quantiles are taken
TEXT = ("name", "case", "group", "label")  # say which case it is
TOLD = "by_"  # before what is known of a case, such as by_sex: text
OTHERS = ("p_", "reference_", "predicted_", TOLD)  # probabilities and sizes: columns of a case that are no scores
MISSED = "missed_"  # before a class: 1 where it is in the reference and was not found


def mean_of_defined(values: Sequence[float] | np.ndarray) -> float:
    """Average what is not nan; nan of nothing, or of inf on both sides."""
    given = np.asarray(values, np.float64)
    used = given[~np.isnan(given)]
    if not len(used) or (np.isposinf(used).any() and np.isneginf(used).any()):
        return NAN
    return float(used.mean())


def score_columns(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Collect the scores of rows by name, nan where a row has none; what names or sizes a case is left out."""
    names = dict.fromkeys(name for row in rows for name in row)
    scores = [name for name in names if name not in TEXT and not name.startswith(OTHERS)]
    return {name: [float(row.get(name, NAN)) for row in rows] for name in scores}


def class_of(column: str, classes: Iterable[str]) -> str:
    """Return the class that a column such as `angle_error_head_deg` belongs to; "" if to none."""
    return max((name for name in classes if f"_{name}_" in f"_{column}_"), key=len, default="")


def count_missed(columns: Columns, column: str) -> float:
    """Count how often the class of a score was missed; for a score of no single class, how often any was."""
    classes = [name.removeprefix(MISSED) for name in columns if name.startswith(MISSED)]
    own = class_of(column, classes)
    return float(sum(np.nansum(columns[MISSED + name]) for name in ([own] if own else classes)))


def summarise_columns(
    columns: Columns, groups: Sequence[str], rng: np.random.Generator, draws: int = 1000
) -> list[Row]:
    """Summarise each column: mean with its 95 % interval over groups, median, and on how many cases they rest."""
    intervals = _intervals(columns, groups, rng, draws)
    out: list[Row] = []
    for name, given in columns.items():
        values = np.asarray(given, np.float64)
        used = values[~np.isnan(values)]
        out.append(
            {
                "metric": name,
                "mean": mean_of_defined(used),
                "low": intervals[name][0],
                "high": intervals[name][1],
                "median": float(np.median(used)) if len(used) else NAN,
                "cases": float(len(values)),
                "used": float(len(used)),
                "undefined": float(len(values) - len(used)),
            }
        )
    return out


def compare_columns(
    first: Columns, second: Columns, groups: Sequence[str], rng: np.random.Generator, draws: int = 1000
) -> list[Row]:
    """Compare two models on the same cases: per column, first minus second, its 95 % interval and two tests.

    p: Wilcoxon's signed-rank test, p_sign: the sign test, which for 0 and 1 is McNemar's; both two-sided and exact for
    few cases. They see one difference per group (patient), the mean of its cases; ties are dropped, and p is 1 without
    any difference. Cases that are undefined for either are counted, not compared; inf for both is a tie.
    """
    names = [name for name in first if name in second]
    gaps = {name: _differences(first[name], second[name]) for name in names}
    intervals = _intervals(gaps, groups, rng, draws)
    out: list[Row] = []
    for name in names:
        used = ~np.isnan(gaps[name])
        p, p_sign = _tests(gaps[name], groups)
        out.append(
            {
                "metric": name,
                "first": mean_of_defined(np.asarray(first[name])[used]),
                "second": mean_of_defined(np.asarray(second[name])[used]),
                "difference": mean_of_defined(gaps[name]),
                "low": intervals[name][0],
                "high": intervals[name][1],
                "p": p,
                "p_sign": p_sign,
                "used": float(used.sum()),
                "undefined": float((~used).sum()),
            }
        )
    return out


def compare_pooled(
    first: Sequence[Row],
    second: Sequence[Row],
    summarise: Summarise,
    groups: Sequence[str],
    rng: np.random.Generator,
    draws: int = 1000,
) -> list[Row]:
    """Compare scores that only all cases together have, such as ROC-AUC: no test, but an interval by paired draws."""
    pairs = list(zip(first, second, strict=True))

    def subtract(chosen: Sequence[tuple[Row, Row]]) -> dict[str, float]:
        a, b = (summarise([pair[side] for pair in chosen]) for side in (0, 1))
        return {name: a[name] - b[name] for name in a}

    intervals = bootstrap_interval(pairs, subtract, groups, rng, draws)
    a, b, differences = summarise(first), summarise(second), subtract(pairs)
    out: list[Row] = []
    for name, gap in differences.items():
        low, high = intervals[name]
        row: Row = {"metric": name, "first": a[name], "second": b[name], "difference": gap, "low": low, "high": high}
        out.append(row)
    return out


def pair_rows(first: Sequence[Row], second: Sequence[Row], keys: Sequence[str]) -> list[Row]:
    """Return the rows of `second` in the order of `first`; InputError unless both hold the same cases.

    keys: the columns that name a case; cases of one name are told apart by their order.
    """
    places, order = _numbered(second, keys), _numbered(first, keys)
    if places.keys() != order.keys():
        odd = sorted(places.keys() ^ order.keys())
        raise InputError(
            f"the two models were scored on different cases or labels: {len(odd)} are in one only, such as "
            f"{' '.join(map(str, odd[0][:-1]))}; score both on the same"
        )
    return [places[key] for key in order]


def _numbered(rows: Sequence[Row], keys: Sequence[str]) -> dict[tuple[str | int, ...], Row]:
    seen: dict[tuple[str, ...], int] = {}
    out: dict[tuple[str | int, ...], Row] = {}
    for row in rows:
        key = tuple(str(row[name]) for name in keys)
        seen[key] = seen.get(key, 0) + 1
        out[(*key, seen[key])] = row
    return out


def _differences(first: Sequence[float], second: Sequence[float]) -> np.ndarray:
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    with np.errstate(invalid="ignore"):  # inf - inf, which is a tie
        return np.where(a == b, 0.0, a - b)


def _tests(differences: np.ndarray, groups: Sequence[str]) -> tuple[float, float]:
    from scipy.stats import binomtest, wilcoxon  # longer to import than all the rest of an entry

    members: dict[str, list[float]] = {}
    for group, value in zip(groups, differences, strict=True):
        members.setdefault(group, []).append(float(value))
    means = np.array([mean_of_defined(values) for values in members.values()])
    unequal = means[~np.isnan(means) & (means != 0)]
    if not len(unequal):
        return (1.0, 1.0) if len(means) else (NAN, NAN)
    return float(wilcoxon(unequal).pvalue), float(binomtest(int((unequal > 0).sum()), len(unequal)).pvalue)


def _intervals(
    columns: Mapping[str, Sequence[float] | np.ndarray], groups: Sequence[str], rng: np.random.Generator, draws: int
) -> dict[str, tuple[float, ...]]:
    """Central 95 % of the means over drawn groups, the same draws for every column; inf where a drawn mean is."""
    table = np.array(list(columns.values()), np.float64).reshape(len(columns), len(groups))

    def means(chosen: Sequence[int]) -> dict[str, float]:
        found = (mean_of_defined(values) for values in table[:, chosen])
        return {name: float(np.clip(mean, -LARGEST, LARGEST)) for name, mean in zip(columns, found, strict=True)}

    intervals = bootstrap_interval(range(len(groups)), means, groups, rng, draws)
    undefined = (NAN, NAN)
    return {name: _finite_or_inf(*intervals.get(name, undefined)) for name in columns}


def _finite_or_inf(*bounds: float) -> tuple[float, ...]:
    return tuple(float(np.copysign(np.inf, end)) if abs(end) > LARGEST / 1e6 else end for end in bounds)
