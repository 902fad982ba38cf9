"""Logs of short trainings from the same weights: MindSpore ends where PyTorch does, within the spread of its seeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zoo.registry import load_registry
from zoo.registry.package import Package

ROOT = Path(__file__).resolve().parents[2]
TRAINED = [entry for entry in load_registry().values() if entry.checkpoints]
SPREADS = 1.5  # from the middle of the two seeds: no farther outside of them than they are apart
LEAST_SPREAD = 0.01  # two seeds may meet by chance


@pytest.mark.parametrize("entry", TRAINED, ids=lambda entry: entry.name)
def test_mindspore_ends_within_the_spread_of_two_seeds(entry: Any) -> None:
    monitor = Package(entry).algorithm.monitor
    runs = {run: _records(entry.package, run) for run in ("torch-0", "torch-1", "mindspore-0")}

    starts = [records[0] for records in runs.values()]
    assert [start["framework"] for start in starts] == ["torch", "torch", "mindspore"]
    for start in starts:
        assert start["config"] == starts[0]["config"] and start["data"] == starts[0]["data"]
        assert {**start["recipe"], "seed": 0} == {**starts[0]["recipe"], "seed": 0}
    scores = {run: records[-1]["test"]["metrics"][monitor] for run, records in runs.items()}
    spread = max(abs(scores["torch-0"] - scores["torch-1"]), LEAST_SPREAD)
    middle = (scores["torch-0"] + scores["torch-1"]) / 2
    assert abs(scores["mindspore-0"] - middle) <= SPREADS * spread, scores


def _records(package: str, run: str) -> list[dict[str, Any]]:
    path = ROOT / "checkpoints" / package / "short" / f"{run}.log.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]
