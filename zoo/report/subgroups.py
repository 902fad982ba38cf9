"""The same scores per subgroup (sex, scanner, site), with intervals, and how far the subgroups lie apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from zoo.common.errors import ConfigError
from zoo.common.metrics.bootstrap import central
from zoo.common.metrics.class_scores import intervals_of_metrics
from zoo.common.types import Case, Row

UNKNOWN = "(unknown)"
FEW = 6  # more different numbers than this are divided into thirds
FEWEST = 5  # patients; what so few are drawn from says nothing of others
MOST = 40  # more different words than this are no subgroups
NAN = float("nan")
Summarise = Callable[[Sequence[Case]], dict[str, float]]
Weighed = Callable[[np.ndarray], dict[str, float]]


@dataclass(frozen=True)
class Subgroups:
    """Scores of the cases divided by one column.

    rows: by, subgroup, cases, groups (patients), metric, value, low, high. differences: by, metric, the subgroup with
    the largest value and the one with the smallest, difference, low, high; of those with an interval, which takes
    FEWEST patients. The largest of many differences is large by chance, too: it is a hint where to look, no test.
    """

    by: str
    rows: list[Row]
    differences: list[Row]


def named_subgroups(values: Sequence[str], by: str) -> list[str]:
    """Name the subgroup of each case: words as they are, many different numbers by thirds; ConfigError for too many."""
    distinct = sorted(set(values) - {""})
    numbers = [_number(value) for value in values]
    is_numeric = all(number is not None for number, value in zip(numbers, values, strict=True) if value)
    if is_numeric and len(distinct) > FEW:
        return _thirds(numbers, by)
    if len(distinct) > MOST:
        raise ConfigError(
            f"by={by!r}: {len(distinct)} different values, such as {distinct[0]!r}; expected at most {MOST} subgroups. "
            "Write a coarser column"
        )
    return [value or UNKNOWN for value in values]


def divide(
    by: str,
    names: Sequence[str],
    cases: Sequence[Case],
    groups: Sequence[str],
    summarise: Summarise,
    weigh: Callable[[Sequence[Case]], Weighed | None],
    draws: int = 1000,
) -> Subgroups:
    """Summarise each subgroup, with intervals over its patients, and compare the best with the worst per metric.

    names: the subgroup of each case. Patients are drawn within what they belong to, so that every subgroup keeps its
    size; one with cases in several subgroups comes or stays away in all of them.
    """
    order = sorted(set(names), key=lambda name: (name == UNKNOWN, _sorting(name)))
    members = {name: np.flatnonzero(np.array(names) == name) for name in order}
    parts = {name: [cases[i] for i in own] for name, own in members.items()}
    patients = {name: [groups[i] for i in own] for name, own in members.items()}
    metrics = {name: summarise(part) for name, part in parts.items()}
    kept = [name for name in order if len(set(patients[name])) >= FEWEST]
    weighed = {name: weigh(parts[name]) for name in kept}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in kept}
    for counts in _drawn(names, groups, np.random.default_rng(0), draws if kept else 0):
        for name in kept:
            found[name].append(_summary(parts[name], counts[members[name]], summarise, weighed[name]))
    drawn = {n: {key: np.array([row.get(key, NAN) for row in found[n]]) for key in metrics[n]} for n in kept}
    rows = [
        row
        for name in order
        for row in _rows(by, name, parts[name], patients[name], metrics[name], drawn.get(name, {}))
    ]
    return Subgroups(by, rows, _differences(by, {name: metrics[name] for name in kept}, drawn))


def _rows(
    by: str,
    name: str,
    cases: Sequence[Case],
    groups: Sequence[str],
    metrics: dict[str, float],
    drawn: dict[str, np.ndarray],
) -> list[Row]:
    bounds = intervals_of_metrics([case.row for case in cases], groups, metrics, drawn)
    head: Row = {"by": by, "subgroup": name, "cases": float(len(cases)), "groups": float(len(set(groups)))}
    return [
        {**head, "metric": key, "value": value, "low": bounds[key][0], "high": bounds[key][1]}
        for key, value in metrics.items()
    ]


def _summary(
    cases: Sequence[Case], counts: np.ndarray, summarise: Summarise, weighed: Weighed | None
) -> dict[str, float]:
    if not counts.any():
        return {}
    if weighed is not None:
        return weighed(counts)
    return summarise([case for case, count in zip(cases, counts, strict=True) for _ in range(count)])


def _drawn(names: Sequence[str], groups: Sequence[str], rng: np.random.Generator, draws: int) -> Iterator[np.ndarray]:
    """Draw patients among those of the same subgroups; yield how often each case came along, (cases,)."""
    places = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    place = np.array([places[group] for group in groups], np.int64)
    belongs: dict[int, set[str]] = {}
    for at, name in zip(place, names, strict=True):
        belongs.setdefault(int(at), set()).add(name)
    strata: dict[frozenset[str], list[int]] = {}
    for at, own in belongs.items():
        strata.setdefault(frozenset(own), []).append(at)
    for _ in range(draws):
        counts = np.zeros(len(places), np.int64)
        for same in strata.values():
            counts += np.bincount(rng.choice(same, len(same)), minlength=len(places))
        yield counts[place]


def _differences(by: str, metrics: dict[str, dict[str, float]], drawn: dict[str, dict[str, np.ndarray]]) -> list[Row]:
    out: list[Row] = []
    for key in dict.fromkeys(key for values in metrics.values() for key in values):  # some have what others lack
        known = {name: values[key] for name, values in metrics.items() if np.isfinite(values.get(key, NAN))}
        if len(known) < 2:
            continue
        most = max(known, key=known.__getitem__)
        least = min(known.keys() - {most}, key=lambda name: (known[name], name))  # where all are alike, another one
        low, high = central(drawn[most][key] - drawn[least][key])
        row: Row = {
            "by": by,
            "metric": key,
            "largest": most,
            "smallest": least,
            "difference": known[most] - known[least],
        }
        out.append(row | {"low": low, "high": high})
    return out


def _thirds(numbers: Sequence[float | None], by: str) -> list[str]:
    known = np.array([number for number in numbers if number is not None])
    shares = [0, 1 / 3, 2 / 3, 1]
    bounds = np.unique(np.quantile(known, shares, method="nearest"))
    if len(bounds) < 3:  # most cases have one value: divide the values instead
        bounds = np.unique(np.quantile(np.unique(known), shares, method="nearest"))
    labels = [
        f"{low:g} to {high:g}" if i == 0 else f"over {low:g} to {high:g}"
        for i, (low, high) in enumerate(pairwise(bounds))
    ]
    return [
        UNKNOWN if number is None else labels[max(int(np.searchsorted(bounds, number)) - 1, 0)] for number in numbers
    ]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _sorting(name: str) -> tuple[float, str]:
    number = _number(name.removeprefix("over ").split(" to ")[0])
    return (float("inf") if number is None else number, name)
