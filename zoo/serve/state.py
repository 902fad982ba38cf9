"""What the routes share: the settings, the desk, the held answers, the metrics, and the folder of uploads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import Request

from zoo.serve.desk import Desk
from zoo.serve.disk import Disk
from zoo.serve.held import Held
from zoo.serve.menu import Menu
from zoo.serve.metrics import Metrics
from zoo.serve.runs import Runs
from zoo.serve.settings import Settings


@dataclass
class State:
    """Lives as long as the service; descriptions: of algorithms, by name, once they were asked for."""

    settings: Settings
    menu: Menu
    desk: Desk
    held: Held
    metrics: Metrics
    root: Path
    disk: Disk
    runs: Runs
    listed: list[dict[str, Any]] = field(default_factory=list)
    descriptions: dict[str, dict[str, Any]] = field(default_factory=dict)


def state_of(request: Request) -> State:
    """Return the state of the service that a request came to."""
    state: State = request.app.state.zoo
    return state
