"""What a run is asked for, checked, and written down as its folder holds it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zoo.common.augment.options import Choice
from zoo.common.errors import ConfigError
from zoo.common.methods.contract import SUPERVISED, Method
from zoo.common.recipe import Recipe
from zoo.training.snapshots import check_count

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.common.algorithm import Algorithm
    from zoo.evaluation import Evaluation
    from zoo.model import Model


@dataclasses.dataclass(frozen=True)
class Order:
    """What a run is asked for; snapshots: validation cases that are drawn after every epoch."""

    recipe: Recipe
    augment: Choice
    resume: bool
    method: Method
    snapshots: int

    def __post_init__(self) -> None:
        check_count(self.snapshots)


@dataclasses.dataclass(frozen=True)
class Report:
    """What a training run left behind.

    best: the checkpoint with the best validation score. test: its scores on the test split, where there is one.
    """

    folder: Path
    best: Path
    best_epoch: int
    best_score: float
    test: Evaluation | None


def check_prefixes(recipe: Recipe, names: list[str]) -> None:
    """Raise ConfigError where a prefix means no weight, or nothing is left to train."""
    names = [name for name in names if not name.endswith(("running_mean", "running_var"))]
    for option, prefixes in (("freeze", recipe.freeze), ("rates", tuple(prefix for prefix, _ in recipe.rates))):
        unknown = [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in names)]
        if unknown:
            parts, lost = ", ".join(dict.fromkeys(name.split(".")[0] for name in names)), ", ".join(unknown)
            given = f"{option}={getattr(recipe, option)}"
            raise ConfigError(f"{given}: no weight begins with {lost}; the network has {parts}")
    if recipe.freeze and all(name.startswith(recipe.freeze) for name in names):
        raise ConfigError(f"freeze={recipe.freeze}: nothing is left to train; freeze less")


def settings_of(
    model: Model, algorithm: Algorithm[Any], recipe: Recipe, data: dict[str, Any], method: Method
) -> dict[str, Any]:
    """Return what a run is, as its folder and its log hold it."""
    return {
        "algorithm": model.name,
        "variant": model.variant,
        "framework": model.backend,
        "device": model.device,
        "config": dataclasses.asdict(algorithm.config),
        "recipe": dataclasses.asdict(recipe),
        "augmentation": dataclasses.asdict(algorithm.augmentation),
        "data": data,
        "method": method.to_dict(),
    }


def former_defaults(algorithm: Algorithm[Any]) -> dict[str, dict[str, Any]]:
    """Return what a run had that was started before an option existed."""
    records = {"config": type(algorithm.config)(), "recipe": Recipe(), "augmentation": type(algorithm).augmentation}
    return {name: dataclasses.asdict(record) for name, record in records.items()} | {"method": {"name": SUPERVISED}}
