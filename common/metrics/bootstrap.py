"""How much a score would vary with other patients: percentile bootstrap over groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

Case = TypeVar("Case")
Weighed = Callable[[np.ndarray], dict[str, float]]


def bootstrap_interval(
    rows: Sequence[Case],
    summarise: Callable[[Sequence[Case]], dict[str, float]],
    groups: Sequence[str],
    rng: np.random.Generator,
    n: int = 1000,
    level: float = 0.95,
    weighed: Weighed | None = None,
) -> dict[str, tuple[float, float]]:
    """Draw as many groups as there are, with replacement, `n` times; return the central `level` of each score.

    All cases of a drawn group come along, as often as it was drawn (cluster bootstrap), because cases of one patient
    are not independent. Draws in which a score is undefined do not count for it; (nan, nan) if it never is defined,
    and for every score when there are fewer than two groups, since nothing is known then about other patients.
    weighed: gives the summary from how often each row counts, (rows,); for scores that are made of sorted rows.
    """
    members: dict[str, list[Case]] = {}
    for row, group in zip(rows, groups, strict=True):
        members.setdefault(group, []).append(row)
    clusters = list(members.values())
    if not clusters:
        return {}
    if len(clusters) < 2:
        return dict.fromkeys(summarise(rows), (float("nan"), float("nan")))
    places = {group: i for i, group in enumerate(members)}
    place = np.array([places[group] for group in groups])
    draws = []
    for _ in range(n):
        chosen = rng.integers(len(clusters), size=len(clusters))
        if weighed is not None:
            draws.append(weighed(np.bincount(chosen, minlength=len(clusters))[place]))
            continue
        draws.append(summarise([row for index in chosen for row in clusters[index]]))
    return {name: _central([draw[name] for draw in draws], level) for name in draws[0]}


def _central(values: list[float], level: float) -> tuple[float, float]:
    defined = [value for value in values if not np.isnan(value)]
    if not defined:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
