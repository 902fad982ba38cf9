"""The folder of one training run: configuration, log, resumable state, weights; sound after a kill at any moment."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.errors import TrainingError
from zoo.common.files.outputs import explained
from zoo.common.tables import plain
from zoo.common.weights import read_weights, write_atomically, write_weights

COMPARED = (
    "algorithm",
    "framework",
    "config",
    "recipe",
    "augmentation",
    "data",
    "method",
)  # of a run and its continuation
DIGESTS = {  # of the data, in words: nobody can compare them
    "sha256_of_names": "names of cases, their splits or groups are others",
    "sha256_of_files": "files or what they hold are others",
}
CHOSEN = "operating_point"  # in the settings of a run that ended
WEIGHTS, OPTIMISER = "weights/", "optimiser/"  # prefixes inside state.safetensors


@dataclass
class Progress:
    """How far a run has come; everything the loop needs to go on but the arrays."""

    epoch: int = 0  # finished epochs
    batch: int = 0  # finished batches of the running epoch
    best_score: float | None = None  # None where no epoch had a score that is defined
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

    def opened(self, resume: bool) -> RunFolder:
        """Return itself, after checking that it holds the run that is resumed, or else no run."""
        if resume:
            self.stored_settings()
        else:
            self.check_free()
        return self

    def check_free(self) -> None:
        """Raise TrainingError when the folder holds a run."""
        with explained(self.path):
            is_taken = self.settings.exists()
        if is_taken:
            raise TrainingError(
                f"{self.path} already holds a run; resume it (resume=True, --resume) or give another folder"
            )

    def begin(self, settings: Mapping[str, object]) -> None:
        """Write down what the new run is."""
        self.check_free()
        self._write_settings(settings)

    def stored_settings(self) -> dict[str, Any]:
        """Read what the run in this folder is; TrainingError when there is none."""
        with explained(self.path):
            is_run = self.settings.exists()
        if not is_run:
            raise TrainingError(f"{self.path} holds no run to resume; leave `resume` out to start one")
        try:
            found: dict[str, Any] = json.loads(self.settings.read_text(encoding="utf-8"))
            return dict(found)
        except (OSError, ValueError, TypeError) as error:
            raise TrainingError(f"{self.settings}: cannot be read ({error}); start anew in another folder") from error

    def append(self, record: Mapping[str, object]) -> None:
        """Add one line to the log, complete on disk before the call returns; NaN becomes null."""
        line = json.dumps(plain(record), allow_nan=False) + "\n"
        with explained(self.log), self.log.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def save(self, progress: Progress, weights: Mapping[str, np.ndarray], optimiser: Mapping[str, np.ndarray]) -> None:
        """Write everything a resumed run needs, in one step."""
        progress.log_bytes = self.log.stat().st_size if self.log.exists() else 0
        arrays = {WEIGHTS + n: v for n, v in weights.items()} | {OPTIMISER + n: v for n, v in optimiser.items()}
        told = json.dumps(plain(asdict(progress)), allow_nan=False)
        write_weights(self.state, arrays, {"progress": told, "sha256": _digest(arrays, told)})

    def load(self) -> tuple[Progress, dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Read the last state; TrainingError where the folder does not hold what it says."""
        arrays, metadata = read_weights(self.state)
        told = metadata.get("progress", "")
        if "sha256" in metadata and metadata["sha256"] != _digest(arrays, told):  # older states have none
            raise TrainingError(f"{self.state}: damaged, its checksum differs; {self._way_out()}")
        try:
            progress = Progress(**json.loads(told))
        except (ValueError, TypeError) as error:
            raise TrainingError(f"{self.state}: says nothing about the run ({error}); {self._way_out()}") from error
        if progress.best_epoch and not self.best.exists():
            raise TrainingError(f"{self.best} is gone, the weights of epoch {progress.best_epoch}; bring it back")
        if not self.log.exists() or self.log.stat().st_size < progress.log_bytes:
            raise TrainingError(
                f"{self.log}: shorter than the {progress.log_bytes} bytes of the saved state; bring the file back, "
                f"or {self._way_out()}"
            )
        return progress, _under(WEIGHTS, arrays), _under(OPTIMISER, arrays)

    def cut_log(self, progress: Progress) -> None:
        """Cut the log back to a state: what came later is done again."""
        with explained(self.log), self.log.open("ab") as file:
            file.truncate(progress.log_bytes)

    def records(self) -> list[dict[str, Any]]:
        """Read the log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def began_as(self) -> dict[str, Any]:
        """Return what a run that is under way started from; {} for one that begins or does not tell."""
        if not (self.state.exists() and self.log.exists()):
            return {}
        return next((dict(each["began_as"]) for each in self.records() if "began_as" in each), {})

    def _way_out(self) -> str:
        return f"train in another folder, with checkpoint={str(self.last)!r} to go on from there"

    def check_same(
        self, settings: Mapping[str, Any], defaults: Mapping[str, Mapping[str, Any]], data: str = "..."
    ) -> None:
        """Raise TrainingError where the run in this folder is another one than `settings`; more epochs are the same.

        defaults: what options were that the run was started without, because they did not exist yet; what else an
        older run did not store is not compared. data: where it is, for the command that goes on elsewhere.
        """
        before, now = self.stored_settings(), json.loads(json.dumps(plain(settings)))
        self._refuse_other_framework(before, now, data)
        if before.get("recipe", {}).get("epochs", math.inf) < now["recipe"]["epochs"]:
            before["recipe"]["epochs"] = now["recipe"]["epochs"]
        usual = json.loads(json.dumps(defaults))
        changed = []
        for key in COMPARED:
            was = before.get(key, usual.get(key))
            if isinstance(was, dict):
                was = {name: was.get(name, usual.get(key, now[key]).get(name)) for name in now[key]}
            if was is not None and was != now[key]:
                changed.append(f"{key}: {_difference(was, now[key])}")
        if changed:
            raise TrainingError(
                f"{self.path}: resumed with other settings ({'; '.join(changed)}); resume with the same ones"
                + (f", or {self._way_out()}" if self.last.exists() else "")
            )

    def planned_epochs(self) -> int:
        """Return how many epochs the run was to have when it was started, or resumed last."""
        return int(self.stored_settings()["recipe"]["epochs"])

    def plan_epochs(self, epochs: int) -> None:
        """Write down that the run is to have more epochs."""
        settings = self.stored_settings()
        settings["recipe"]["epochs"] = epochs
        self._write_settings(settings)

    def choose(self, chosen: Mapping[str, object]) -> None:
        """Write down which fields of the configuration the end of the run chose, for `as_begun`."""
        self._write_settings(self.stored_settings() | {CHOSEN: chosen})

    def as_begun(self, config: Any) -> dict[str, Any]:
        """Return the fields of a configuration that the end of this run chose, with the values before it.

        So a finished run gets more epochs from the model that it made; other values than the chosen ones stay.
        """
        settings = self.stored_settings()
        began, chosen = settings.get("config", {}), settings.get(CHOSEN, {})
        return {
            name: began[name]
            for name, value in chosen.items()
            if name in began and json.loads(json.dumps(plain(getattr(config, name, None)))) == value
        }

    def _write_settings(self, settings: Mapping[str, object]) -> None:
        text = json.dumps(plain(settings), indent=2, sort_keys=True, allow_nan=False)
        write_atomically(self.settings, (text + "\n").encode())

    def _refuse_other_framework(self, before: Mapping[str, Any], now: Mapping[str, Any], data: str) -> None:
        was, chosen = before.get("framework"), now.get("framework")
        if was in (None, chosen):
            return
        places = {"--checkpoint": str(self.best), "--data": data, "--out": f"{self.path}-{chosen}"}
        told = " ".join(
            f"{option} {shlex.quote(place) if place != '...' else place}" for option, place in places.items()
        )
        command = f"zoo train {now['algorithm']} --backend {chosen} {told}"
        raise TrainingError(
            f"{self.path}: a run in {was}, resumed in {chosen}; the state of an optimiser does not pass between them. "
            f"Resume with --backend {was}, or go on from its best weights in another folder: {command}"
        )


def _digest(arrays: Mapping[str, np.ndarray], told: str) -> str:
    """Hash everything that a state says."""
    found = hashlib.sha256(told.encode())
    for name, value in sorted(arrays.items()):
        found.update(f"{name} {value.dtype} {value.size}".encode())
        found.update(value.tobytes())
    return found.hexdigest()


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def _difference(before: Any, now: Any) -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
        told = {key: f"{key} was {before.get(key)!r}, is {now.get(key)!r}" for key in keys}
        return ", ".join((told | DIGESTS)[key] for key in keys)
    return f"was {before!r}, is {now!r}"
