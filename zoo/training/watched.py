"""What a run folder tells while somebody else writes it: how far it is, how good, and how long it will take."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.common.errors import InputError, ZooError
from zoo.common.files.outputs import user_path
from zoo.engines.engine import loss_terms
from zoo.training.claim import HOLDER

RUNNING, FINISHED, STOPPED, ENDED, HELD = "running", "finished", "stopped", "not running", "held on another machine"
RECENT = 5  # epochs whose time tells that of the next ones


@dataclass(frozen=True)
class Watched:
    """A run as its folder tells it.

    state: running, finished, stopped (with `reason`), not running (killed, or interrupted), or held on another machine.
    epochs: of the recipe, 0 where it is unknown. records: the finished epochs, each once. since_s: age of the log.
    """

    folder: Path
    state: str
    name: str = ""
    framework: str = ""
    monitor: str = ""
    epochs: int = 0
    records: list[dict[str, Any]] = field(default_factory=list)
    reason: str = ""
    since_s: float = 0.0
    test: dict[str, float] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """Finished epochs."""
        return int(self.records[-1]["epoch"]) if self.records else 0

    @property
    def losses(self) -> list[float]:
        """Sum of the terms of the training loss by epoch; nan where it is unknown."""
        return [_sum(record.get("training")) for record in self.records]

    @property
    def unseen(self) -> list[float]:
        """The same of the validation loss."""
        return [_sum(record.get("validation_loss")) for record in self.records]

    @property
    def scores(self) -> list[float]:
        """The monitored score by epoch."""
        return [_number(_part(record, "validation").get(self.monitor)) for record in self.records]

    @property
    def metrics(self) -> dict[str, float]:
        """Every validation score of the last epoch."""
        return {name: _number(v) for name, v in _part(self.records[-1], "validation").items()} if self.records else {}

    @property
    def best(self) -> tuple[int, float] | None:
        """Epoch and value of the best score; None where no score is defined."""
        known = [(score, int(r["epoch"])) for score, r in zip(self.scores, self.records, strict=True) if score == score]
        return max(known, key=lambda pair: pair[0])[::-1] if known else None

    @property
    def epoch_s(self) -> float:
        """Seconds of an epoch lately; nan before the first one."""
        ends = [_number(record.get("seconds")) for record in self.records]
        steps = [b - a for a, b in zip([0.0, *ends], ends, strict=False) if b > a]
        recent = steps[-RECENT:]
        return sum(recent) / len(recent) if recent else float("nan")

    @property
    def left_s(self) -> float | None:
        """Seconds until the last planned epoch is done; None where the run does not go on, or nobody knows."""
        left = (self.epochs - self.epoch) * self.epoch_s
        if self.state not in (RUNNING, HELD) or not self.epochs or left != left:
            return None
        return max(0.0, left - min(self.since_s, self.epoch_s))

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        best = self.best
        return {
            "folder": str(self.folder),
            "state": self.state,
            "reason": self.reason,
            "name": self.name,
            "framework": self.framework,
            "epoch": self.epoch,
            "epochs": self.epochs,
            "seconds_left": self.left_s,
            "monitor": self.monitor,
            "best": {"epoch": best[0], "score": best[1]} if best else None,
            "validation": self.metrics,
            "test": self.test,
            "curves": {"loss": self.losses, "validation_loss": self.unseen, self.monitor or "score": self.scores},
        }


def read_run(folder: str | Path) -> Watched:
    """Read what a run folder tells now, whoever wrote it; InputError where it holds no run.

    A line that is still being written, and whatever is no record of the zoo, is left out.
    """
    folder = user_path(folder)
    log, settings = folder / "log.jsonl", _object(folder / "settings.json")
    if not folder.is_dir() or not (log.is_file() or settings):
        raise InputError(f"{folder}: holds no run; expected the folder of `zoo train --out`, with log.jsonl in it")
    events = _events(log)
    epochs = {int(e["epoch"]): e for e in events if e.get("event") == "epoch" and isinstance(e.get("epoch"), int)}
    records = [epochs[number] for number in sorted(epochs)]  # an epoch that was done again counts as done last
    start = next((event for event in events if event.get("event") == "start"), {})
    told = {**start, **settings}
    state, reason = _state(folder, events)
    return Watched(
        folder,
        state,
        str(told.get("algorithm", "")),
        str(told.get("framework", "")),
        _monitor(str(told.get("algorithm", "")), records),
        int(_number(_part(told, "recipe").get("epochs"), 0)),
        records,
        reason,
        _age_s(log),
        {name: _number(value) for name, value in _test(events).items()},
    )


def _state(folder: Path, events: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """Say how a run stands, from its last event and from who holds the folder."""
    holder = _object(folder / HOLDER)
    if holder and holder.get("host") == socket.gethostname():
        if _is_alive(holder.get("pid")):
            return RUNNING, ""
    elif holder:
        return HELD, f"process {holder.get('pid')} on {holder.get('host')}"
    last = events[-1] if events else {}
    if last.get("event") == "end":
        return FINISHED, ""
    if last.get("event") == "stopped":
        return STOPPED, str(last.get("reason", ""))
    if not (folder / "settings.json").is_file():
        return ENDED, "not a folder of `zoo train`"
    return ENDED, "killed or interrupted; --resume goes on" if holder or last else "nothing was logged yet"


def _is_alive(pid: object) -> bool:
    """Tell whether a process of this machine lives; without touching it, or the lock that it holds."""
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's process
        return True
    return True


def _monitor(name: str, records: Sequence[dict[str, Any]]) -> str:
    """Name the score that decides; of an algorithm that is not known here, the first that the log has."""
    from zoo.registry import find
    from zoo.registry.package import Package

    known = _part(records[-1], "validation") if records else {}
    with suppress(ZooError):
        monitor = str(Package(find(name)).algorithm.monitor)
        if not known or monitor in known:
            return monitor
    return next(iter(known), "")


def _events(log: Path) -> list[dict[str, Any]]:
    """Read the lines that are records."""
    found = []
    with suppress(OSError):
        for line in log.read_bytes().splitlines():
            with suppress(ValueError):  # the last line may be half written
                event = json.loads(line)
                if isinstance(event, dict):
                    found.append(event)
    return found


def _object(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def _part(record: dict[str, Any], name: str) -> dict[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _test(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    ends = [event for event in events if event.get("event") == "end"]
    return _part(_part(ends[-1], "test"), "metrics") if ends else {}


def _sum(terms: object) -> float:
    if not isinstance(terms, dict) or not terms:
        return float("nan")
    return sum(_number(value) for value in loss_terms(terms).values())


def _number(value: object, missing: float = float("nan")) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else missing


def _age_s(path: Path) -> float:
    with suppress(OSError):
        return max(0.0, time.time() - path.stat().st_mtime)
    return 0.0
