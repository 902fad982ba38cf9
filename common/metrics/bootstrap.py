"""How much a score would vary with other patients: percentile bootstrap over groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

Case = TypeVar("Case")
NAN = float("nan")
Weighed = Callable[[np.ndarray], dict[str, float]]


def bootstrap_interval(
    rows: Sequence[Case],
    summarise: Callable[[Sequence[Case]], dict[str, float]],
    groups: Sequence[str],
    rng: np.random.Generator,
    n: int = 1000,
    level: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Return the central `level` of each score over `n` draws of groups, see `bootstrap_draws`.

    Draws in which a score is undefined do not count for it; (nan, nan) if it never is defined, and for every score
    when there are fewer than two groups, since nothing is known then about other patients.
    """
    draws = bootstrap_draws(rows, summarise, groups, rng, n)
    if not draws and len(rows):
        return dict.fromkeys(summarise(rows), (float("nan"), float("nan")))
    return {name: central(values, level) for name, values in draws.items()}


def bootstrap_draws(
    rows: Sequence[Case],
    summarise: Callable[[Sequence[Case]], dict[str, float]],
    groups: Sequence[str],
    rng: np.random.Generator,
    n: int = 1000,
    weighed: Weighed | None = None,
) -> dict[str, np.ndarray]:
    """Draw as many groups as there are, with replacement, `n` times; return each score's values (n,).

    All cases of a drawn group come along, as often as it was drawn (cluster bootstrap), because cases of one patient
    are not independent. {} when there are fewer than two groups. Equal generators draw equal groups.
    weighed: gives the summary from how often each row counts, (rows,); for scores that are made of sorted rows.
    """
    members: dict[str, list[Case]] = {}
    for row, group in zip(rows, groups, strict=True):
        members.setdefault(group, []).append(row)
    clusters = list(members.values())
    if len(clusters) < 2:
        return {}
    if weighed is not None:
        draws = [weighed(counts) for counts in draw_counts(groups, rng, n)]
    else:
        drawn = (rng.integers(len(clusters), size=len(clusters)) for _ in range(n))
        draws = [summarise([row for index in chosen for row in clusters[index]]) for chosen in drawn]
    names = dict.fromkeys(name for draw in draws for name in draw)  # of those that few cases have, some draws lack
    return {name: np.array([draw.get(name, NAN) for draw in draws], np.float64) for name in names}


def draw_counts(groups: Sequence[str], rng: np.random.Generator, n: int = 1000) -> Iterator[np.ndarray]:
    """Draw whole groups `n` times; yield how often each case came along, (cases,). The draws of `bootstrap_draws`."""
    places = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    place = np.array([places[group] for group in groups], np.int64)
    for _ in range(n):
        yield np.bincount(rng.integers(len(places), size=len(places)), minlength=len(places))[place]


def central(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the central `level` of the defined values; (nan, nan) if there is none."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
