"""Scores of a submission to LUNA16: FROC and CPM over whole scans, from the files that the challenge knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.common.errors import InputError
from zoo.common.metrics.curves import Curve
from zoo.common.metrics.froc import RATES, bootstrap_froc, froc, luna16_scan, sensitivity_at
from zoo.common.tables import read_csv
from zoo.common.types import Row

UID, PLACE, DIAMETER, SCORE = "seriesuid", ("coordX", "coordY", "coordZ"), "diameter_mm", "probability"


def score_submission(
    submission: str | Path,
    annotations: str | Path,
    excluded: str | Path | None = None,
    scans: Sequence[str] | None = None,
    rng: np.random.Generator | None = None,
) -> tuple[list[Row], Curve]:
    """Score marks against nodules by LUNA16's rule (Setio et al. 2017); return a row per score, and the FROC curve.

    submission: seriesuid, coordX, coordY, coordZ [mm], probability, as `.save("x.luna16.csv")` and `zoo predict --out`
    write it. annotations: annotations.csv. excluded: annotations_excluded.csv, findings that count neither way.
    scans: seriesuid of every scan that was looked at; those named in the first two files when left out, so that scans
    without nodule and without mark are missing: give them, or the false positives per scan come out too many.
    rng: of the 1,000 draws of scans behind the intervals. Raises InputError where a file cannot be used.
    """
    marks = _places(submission, SCORE)
    nodules = _places(annotations, DIAMETER)
    aside = _places(excluded, DIAMETER) if excluded is not None else {}
    looked_at = list(scans) if scans is not None else sorted({*marks, *nodules})
    if strangers := sorted({*marks, *nodules} - set(looked_at)) if scans is not None else []:
        raise InputError(f"{strangers[0]}: not among the {len(looked_at)} scans given; name every scan")
    if not looked_at:
        raise InputError(f"{submission}, {annotations}: no scan in them; expected at least one")
    none = np.zeros((0, 4))
    found = [luna16_scan(nodules.get(uid, none), aside.get(uid, none), marks.get(uid, none)) for uid in looked_at]
    curve, intervals = froc(found), bootstrap_froc(found, rng or np.random.default_rng(0))
    at_rates = sensitivity_at(curve)
    values = {"cpm": float(at_rates.mean())}
    values |= {f"at_{rate:g}": float(value) for rate, value in zip(RATES, at_rates, strict=True)}
    rows: list[Row] = [
        {"metric": name, "value": value, "low": intervals[name][0], "high": intervals[name][1]}
        for name, value in values.items()
    ]
    points = np.column_stack([curve.false_per_scan, curve.sensitivity, curve.thresholds])
    return rows, Curve("false positives per scan", "sensitivity", {"LUNA16": points}, ticks=RATES)


def _places(path: str | Path, last: str) -> dict[str, np.ndarray]:
    """Read x, y, z and one more number of each row, by scan."""
    rows = read_csv(path, (UID,))
    wanted = (*PLACE, last)
    places: dict[str, list[list[float]]] = {}
    for line, row in enumerate(rows, start=2):
        if absent := [name for name in (UID, *wanted) if name not in row]:
            raise InputError(f"{path}, line {line}: no {', '.join(absent)}; expected {', '.join((UID, *wanted))}")
        places.setdefault(str(row[UID]), []).append([float(row[name]) for name in wanted])
    return {uid: np.array(values) for uid, values in places.items()}
