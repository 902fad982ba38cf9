"""The folder of one training run: configuration, log, resumable state, weights; sound after a kill at any moment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.errors import TrainingError
from zoo.common.recipe import Recipe
from zoo.common.weights import read_weights, write_atomically, write_weights

WEIGHTS, OPTIMISER = "weights/", "optimiser/"  # prefixes inside state.safetensors


@dataclass
class Progress:
    """How far a run has come; everything the loop needs to go on but the arrays."""

    epoch: int = 0  # finished epochs
    batch: int = 0  # finished batches of the running epoch
    best_score: float | None = None
    best_epoch: int = 0
    seconds: float = 0.0
    log_bytes: int = 0  # length of the log when this state was written
    sums: dict[str, float] = field(default_factory=dict)  # loss terms of the running epoch


@dataclass(frozen=True)
class RunFolder:
    """Names and writes the files of a run."""

    path: Path

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"

    @property
    def state(self) -> Path:
        return self.path / "state.safetensors"

    @property
    def best(self) -> Path:
        return self.path / "best.safetensors"

    @property
    def last(self) -> Path:
        return self.path / "last.safetensors"

    @property
    def settings(self) -> Path:
        return self.path / "settings.json"

    def begin(self, settings: Mapping[str, object], resume: bool) -> None:
        """Claim the folder for a new run, or check that it holds the run to resume."""
        if resume:
            self._check_same(settings)
            return
        if self.settings.exists():
            raise TrainingError(
                f"{self.path} already holds a run; resume it (resume=True, --resume) or give another folder"
            )
        write_atomically(self.settings, (json.dumps(settings, indent=2, sort_keys=True) + "\n").encode())

    def append(self, record: Mapping[str, object]) -> None:
        """Add one line to the log, complete on disk before the call returns."""
        with self.log.open("ab") as file:
            file.write((json.dumps(record) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())

    def save(self, progress: Progress, weights: Mapping[str, np.ndarray], optimiser: Mapping[str, np.ndarray]) -> None:
        """Write everything a resumed run needs, in one step."""
        progress.log_bytes = self.log.stat().st_size if self.log.exists() else 0
        arrays = {WEIGHTS + n: v for n, v in weights.items()} | {OPTIMISER + n: v for n, v in optimiser.items()}
        write_weights(self.state, arrays, {"progress": json.dumps(asdict(progress))})

    def load(self) -> tuple[Progress, dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Read the last state and cut the log back to it: what came later is done again."""
        arrays, metadata = read_weights(self.state)
        progress = Progress(**json.loads(metadata["progress"]))
        with self.log.open("ab") as file:
            file.truncate(progress.log_bytes)
        return progress, _under(WEIGHTS, arrays), _under(OPTIMISER, arrays)

    def records(self) -> list[dict[str, Any]]:
        """Read the log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def _check_same(self, settings: Mapping[str, object]) -> None:
        if not self.settings.exists():
            raise TrainingError(f"{self.path} holds no run to resume; leave `resume` out to start one")
        before = json.loads(self.settings.read_text())
        before["recipe"] = asdict(Recipe()) | before.get("recipe", {})  # fields that are younger than the run
        before = json.loads(json.dumps(before))
        now = json.loads(json.dumps(settings))
        changed = [
            key for key in ("algorithm", "framework", "config", "recipe", "data") if before.get(key) != now.get(key)
        ]
        if changed:
            details = "; ".join(f"{key}: {_difference(before.get(key), now.get(key))}" for key in changed)
            raise TrainingError(f"{self.path}: resumed with other settings ({details}); resume with the same ones")


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def _difference(before: Any, now: Any) -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
        return ", ".join(f"{key} was {before.get(key)!r}, is {now.get(key)!r}" for key in keys)
    return f"was {before!r}, is {now!r}"
