"""Scores of each class against the rest, with intervals over patients: what a reviewer asks of a classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from zoo.common.errors import ConfigError
from zoo.common.metrics.bootstrap import central, draw_counts
from zoo.common.types import Row

DRAWS = 1000
CHUNK = 1 << 22  # weights of cases that are held at once
LEVEL = 0.95
COUNTS = ("true_positives", "false_positives", "false_negatives", "true_negatives")
SHARES = {"sensitivity": (0, 2), "specificity": (3, 1), "ppv": (0, 1), "npv": (3, 2)}  # of COUNTS: hits, and the rest
RANKED = ("roc_auc", "average_precision")  # do not depend on what is called
NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Answers:
    """What a classifier answered for many cases: labels (n,), probabilities (n, k), groups (n,)."""

    classes: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray
    groups: tuple[str, ...]

    @property
    def truth(self) -> np.ndarray:
        """(n, k) bool: the case is of the class."""
        return np.asarray(self.labels[:, None] == np.arange(len(self.classes)))

    @property
    def called(self) -> np.ndarray:
        """(n, k) bool: the class is the most probable one, the first of equals."""
        return np.asarray(self.probabilities.argmax(1)[:, None] == np.arange(len(self.classes)))

    @property
    def confusion(self) -> np.ndarray:
        """(k, k) how many cases of each class, by row, were called what."""
        return np.asarray(self.truth.T.astype(np.int64) @ self.called)

    @property
    def positives(self) -> range:
        """The classes that are looked for: the second of two, else every one against the rest."""
        return range(1, 2) if len(self.classes) == 2 else range(len(self.classes))


def answers_of(rows: Sequence[Row], groups: Sequence[str] = ()) -> Answers | None:
    """Collect the answers in the rows of cases, `label` and `p_<class>`; None where they are no classifier's.

    groups: of the cases, where they are known better than by the column `group`.
    """
    names = [name for name in (rows[0] if rows else ()) if name.startswith("p_")]
    if len(names) < 2 or not all("label" in row for row in rows):
        return None
    probabilities = np.array([[row[name] for name in names] for row in rows], np.float64)
    labels = np.array([row["label"] for row in rows], np.int64)
    groups = tuple(groups) or tuple(str(row.get("group") or row["name"]) for row in rows)
    return Answers(tuple(name[2:] for name in names), labels, probabilities, groups)


def class_rows(answers: Answers, called: np.ndarray | None = None, draws: int = DRAWS) -> list[Row]:
    """List class, metric, value, low, high for every class against the rest; nan where a score is undefined.

    called: (n, k) bool, where it is not the most probable class that counts, such as at another threshold.
    The intervals hold for other patients like these. Shares have Wilson's, for as many cases as the bootstrap's spread
    says that they are worth; the others one from that spread, symmetric in the log of the odds.
    """
    called = answers.called if called is None else called
    found, drawn = class_draws(answers, called, draws)
    out: list[Row] = []
    for number, name in enumerate(answers.classes):
        for metric, values in found.items():
            bounds = (NAN, NAN)
            if metric in drawn:
                bounds = _bounds(metric, values[number], drawn[metric][:, number], answers, called, number)
            out.append({"class": name, "metric": metric, "value": values[number], "low": bounds[0], "high": bounds[1]})
    return out


def class_draws(
    answers: Answers, called: np.ndarray, draws: int = DRAWS
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return every score per class, (k,), and its values in draws of groups, (draws, k); no draws of a single group."""
    whole = _weighed(answers, called, np.ones((1, len(answers.labels))))
    counts = np.stack([whole[name][0] for name in COUNTS])
    found = {"cases": counts[0] + counts[2], "called": counts[0] + counts[1]}
    found |= {name: values[0] for name, values in whole.items()}
    if len(set(answers.groups)) < 2:
        return found, {}
    counted = draw_counts(answers.groups, np.random.default_rng(0), draws)
    step = max(1, CHUNK // max(1, len(answers.labels)))
    parts = []
    for start in range(0, draws, step):
        weights = np.array([next(counted) for _ in range(min(step, draws - start))], np.float64)
        parts.append(_weighed(answers, called, weights))
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name not in COUNTS}
    return found, drawn


def share_interval(value: float, drawn: np.ndarray, cases: int, groups: int) -> tuple[float, float]:
    """Return Wilson's interval of a share for the number of cases that `cases` of `groups` patients are worth.

    drawn: the share in draws of patients; their spread tells how much less than independent cases they say. Where all
    or none are hits nothing spreads, and each patient counts once. (nan, nan) without cases, or with one patient.
    """
    if np.isnan(value) or groups < 2:
        return NAN, NAN
    spread = float(np.nanvar(drawn)) if 0 < value < 1 else 0.0
    worth = min(value * (1 - value) / spread, float(cases)) if spread > 0 else float(min(cases, groups))
    z = float(student.ppf((1 + LEVEL) / 2, max(groups - 1, 1)))
    centre = (value + z * z / (2 * worth)) / (1 + z * z / worth)
    half = z / (1 + z * z / worth) * np.sqrt(value * (1 - value) / worth + z * z / (4 * worth * worth))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def odds_interval(value: float, drawn: np.ndarray, groups: int) -> tuple[float, float]:
    """Return the interval of a score between 0 and 1 from the spread of its draws, symmetric in the log of its odds.

    A central 95 % of the draws is too short where a score is near 1 and cases are few. groups: patients of the rarer
    kind; (nan, nan) for fewer than two.
    """
    spread = float(np.nanstd(drawn)) if np.isfinite(drawn).any() else NAN
    if not 0 < value < 1 or groups < 2 or not np.isfinite(spread):
        return NAN, NAN
    z = float(student.ppf((1 + LEVEL) / 2, groups - 1))
    centre, half = np.log(value / (1 - value)), z * spread / (value * (1 - value))
    low, high = (1 / (1 + np.exp(-end)) for end in (centre - half, centre + half))
    return float(low), float(high)


def intervals_of_metrics(
    rows: Sequence[Row], groups: Sequence[str], metrics: Mapping[str, float], draws: Mapping[str, np.ndarray]
) -> dict[str, tuple[float, float]]:
    """Return the interval of each metric of a task: the central 95 % of its draws, but for classifiers.

    Their accuracy has Wilson's, and what `class_rows` tells of the second of two classes its own. (nan, nan) without
    draws.
    """
    found = {name: central(draws[name]) if name in draws else (NAN, NAN) for name in metrics}
    answers = answers_of(rows, groups)
    if answers is None or not draws:
        return found
    if "accuracy" in draws:
        share = metrics["accuracy"], draws["accuracy"], len(rows), len(set(groups))
        found["accuracy"] = share_interval(*share)
    if len(answers.classes) == 2:
        for name in (*SHARES, "f1", *RANKED):
            if name in draws:
                found[name] = _bounds(name, metrics[name], draws[name], answers, answers.called, 1)
    return found


def check_share(least: float, of: str) -> None:
    """Raise ConfigError for a sensitivity or specificity that no threshold can be asked to reach."""
    if not 0 < least <= 1:
        raise ConfigError(f"at_{of}={least:g} given; expected a share above 0, at most 1, such as 0.95")


def threshold_at(is_positive: np.ndarray, scores: np.ndarray, *, least: float, of: str) -> float:
    """Choose the score from which on a case is called, so that a share is reached and the other is as large as can be.

    of: sensitivity or specificity. least: the share of it, above 0, at most 1. nan without a case that it counts.
    """
    check_share(least, of)
    own = np.sort(np.asarray(scores)[np.asarray(is_positive, bool) == (of == "sensitivity")])
    if not len(own):
        return NAN
    needed = int(np.ceil(least * len(own) - 1e-9))  # 0.95 * 20 is a little more than 19 in floating point
    if of == "sensitivity":
        return float(own[len(own) - needed])
    higher = np.unique(scores)[np.unique(scores) > own[needed - 1]]
    return float(higher[0]) if len(higher) else float(np.nextafter(own[-1], np.inf))


def confusion_rows(answers: Answers) -> list[Row]:
    """List a row per true class: how many were called what, and the same in per cent of the row."""
    out: list[Row] = []
    for name, row in zip(answers.classes, answers.confusion, strict=True):
        total = row.sum()
        shares = {
            f"{other} [%]": 100 * n / total if total else NAN for other, n in zip(answers.classes, row, strict=True)
        }
        out.append({"true": name, **{other: float(n) for other, n in zip(answers.classes, row, strict=True)}, **shares})
    return out


def _weighed(answers: Answers, called: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Compute every score, (draws, k), with each case counted as often as `weights` (draws, n) says."""
    truth = answers.truth
    kinds = (truth & called, ~truth & called, truth & ~called, ~truth & ~called)
    counts = [weights @ kind.astype(np.float64) for kind in kinds]
    out = dict(zip(COUNTS, counts, strict=True))
    for name, (hit, rest) in SHARES.items():
        out[name] = _ratio(counts[hit], counts[hit] + counts[rest])
    out["f1"] = _ratio(2 * counts[0], 2 * counts[0] + counts[1] + counts[2])
    ranked = [_ranked(truth[:, c], answers.probabilities[:, c], weights) for c in range(truth.shape[1])]
    out |= {name: np.stack([pair[i] for pair in ranked], 1) for i, name in enumerate(RANKED)}
    return out


def _ranked(is_positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ROC-AUC and average precision, (draws,) each; ties count half, and go together."""
    if not len(scores):
        return np.full(len(weights), NAN), np.full(len(weights), NAN)
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) != 0))
    sorted_weights = weights[:, order]
    hits = np.add.reduceat(sorted_weights * is_positive[order], starts, axis=1)
    others = np.add.reduceat(sorted_weights * ~is_positive[order], starts, axis=1)
    found, wrong = hits.cumsum(1), others.cumsum(1)
    p, n = found[:, -1], wrong[:, -1]
    area = (others * (found - hits / 2)).sum(1)
    precision = _ratio(found, found + wrong)
    return _ratio(area, p * n), _ratio(np.nansum(hits * np.nan_to_num(precision), axis=1), p)


def _bounds(
    metric: str, value: float, drawn: np.ndarray, answers: Answers, called: np.ndarray, number: int
) -> tuple[float, float]:
    truth, said = answers.truth[:, number], called[:, number]
    counted = {"sensitivity": truth, "specificity": ~truth, "ppv": said, "npv": ~said}.get(metric, truth)
    groups = len({group for group, is_in in zip(answers.groups, counted, strict=True) if is_in})
    if metric in SHARES:
        return share_interval(value, drawn, int(counted.sum()), groups)
    if value in (0.0, 1.0):
        return share_interval(value, drawn, groups, groups)
    others = len({group for group, is_in in zip(answers.groups, truth, strict=True) if not is_in})
    return odds_interval(value, drawn, min(groups, others))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, NAN)
