"""What a framework promises: NumPy in, NumPy out."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import numpy as np

from zoo.common.errors import BackendError, ConfigError, InputError
from zoo.common.methods.contract import BEGINNING, Method, Moment
from zoo.common.phases import ALL, Phase
from zoo.common.recipe import Recipe
from zoo.common.types import Arrays
from zoo.engines.backends import KINDS
from zoo.registry.package import Package

GRAD_NORM = "grad_norm"  # its name beside the loss terms in a log
UPDATES = "updates."  # how often the average followed the weights, in a training state
UNREDUCED = "f32"  # the precision of weights, and of every backend unless another one is asked for
COMPANION, MEMORY = "companion", "memory"  # of a method: further networks, what it keeps, in a training state
TOLD = "method/"  # begins the names of what a method tells beside its terms, in a record
WARMED_UP = 2**31  # updates of an average whose training state does not count them: it goes on at its full decay


@dataclass(frozen=True)
class Step:
    """What one training step found: the named, weighted loss terms, and the length of the gradient before clipping."""

    terms: Mapping[str, float]
    grad_norm: float  # of all phases together; NaN where the step was not taken
    told: Mapping[str, float] = field(default_factory=dict)  # what a method tells beside its terms

    def record(self) -> dict[str, float]:
        """Return all values by name, as a log holds them."""
        return {**self.terms, GRAD_NORM: self.grad_norm, **{TOLD + name: value for name, value in self.told.items()}}


@dataclass(frozen=True)
class Learning:
    """How steps go beyond an entry's own loss: the method, and what its further networks start from.

    draw: the name of a companion and the shapes of its weights -> the weights.
    """

    method: Method
    draw: Callable[[str, Mapping[str, tuple[int, ...]]], Arrays]


def take_in_turn(phases: int, take: Callable[[int], Step]) -> Step:
    """Take the steps of the phases until one is not taken; their terms have different names."""
    steps: list[Step] = []
    for phase in range(phases):
        if not steps or math.isfinite(steps[-1].grad_norm):
            steps.append(take(phase))
    terms = {name: value for step in steps for name, value in step.terms.items()}
    told = {name: value for step in steps for name, value in step.told.items()}
    return Step(terms, math.hypot(*(step.grad_norm for step in steps)), told)


def loss_terms(record: Mapping[str, float]) -> dict[str, float]:
    """Return the loss terms of what `Step.record` made; their sum is the loss."""
    return {name: value for name, value in record.items() if name != GRAD_NORM and not name.startswith(TOLD)}


class Runner(Protocol):
    """One network on one device that predicts, driven by NumPy arrays; `load` puts its weights in.

    Predictions may be asked for by several threads at once. Each is made with the weights as they stand between two
    calls that change them, never with those of half a step.
    """

    framework: str  # a key of backends.KINDS
    device: str

    @property
    def net(self) -> Any:
        """The framework's own network; BackendError where there is none."""

    def forward(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Run the network in evaluation mode on a batch, whatever mode and weights its owner left it with."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name every weight (parameters and running statistics) with its shape."""

    def weights(self, *, averaged: bool = False) -> dict[str, np.ndarray]:
        """Copy the weights, or their moving average, out of the network."""

    def load(self, weights: Arrays) -> None:
        """Put weights in; names and shapes are exactly those of `shapes()`."""


class Engine(Runner, Protocol):
    """A runner that also trains; `engine_torch` and `engine_mindspore` implement it."""

    def start_training(
        self,
        recipe: Recipe,
        head: tuple[str, ...],
        undecayed: tuple[str, ...] = (),
        phases: tuple[Phase, ...] = ALL,
        learning: Learning | None = None,
    ) -> None:
        """Build the optimisers; `head` and `undecayed` are prefixes, see Algorithm. learning: of another method.

        ConfigError for weights that their owner froze by hand, and the recipe does not.
        """

    def end_training(self) -> None:
        """Let go of what only steps need; the network is left in the mode, and as free to learn, as it was before."""

    def step(
        self, inputs: Arrays, targets: Arrays, learning_rate: float, seed: int, moment: Moment = BEGINNING
    ) -> Step:
        """Update the weights of each phase once, in turn; stop at a phase whose loss or gradient is not finite.

        The weights of that phase and of those after it are left alone.
        """

    def companion(self, name: str, *, averaged: bool = False) -> dict[str, np.ndarray]:
        """Copy the weights of a further network out, such as "teacher" or "partner1"."""

    def losses(self, outputs: Arrays, targets: Arrays) -> dict[str, float]:
        """Return the named, weighted loss terms of what `forward` gave; nothing changes.

        There are none, {}, where the loss needs the network itself.
        """

    def training_state(self) -> dict[str, np.ndarray]:
        """Copy the optimiser's state and the moving average."""

    def load_training_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `training_state()` of an equal run."""


def decays(name: str, shape: tuple[int, ...], undecayed: tuple[str, ...]) -> bool:
    """Tell whether weight decay applies: to kernels, not to biases, norms and what the algorithm names."""
    return len(shape) > 1 and not name.startswith(undecayed or ("\0",))


def check_fixed(names: Sequence[str], freeze: tuple[str, ...]) -> None:
    """Raise ConfigError for weights that are frozen in the network, and not by the recipe, which is all a run obeys."""
    by_hand = [name for name in names if not name.startswith(freeze or ("\0",))]
    if by_hand:
        raise ConfigError(
            f"{len(by_hand)} weights, such as {by_hand[0]}, have requires_grad=False; expected that the recipe alone "
            "freezes. Give their prefixes as freeze=(...), or set requires_grad=True"
        )


def rate_factor(name: str, recipe: Recipe, head: tuple[str, ...]) -> float:
    """Return the learning rate of one parameter as a multiple of the recipe's: the longest of `rates` that fits."""
    fitting = [(len(prefix), factor) for prefix, factor in recipe.rates if name.startswith(prefix)]
    if fitting:
        return max(fitting)[1]
    return 1.0 if name.startswith(head) else recipe.body_factor


def average_decay(decay: float, updates: int) -> float:
    """Return the decay of the moving average after so many updates.

    It rises from 0.1 to `decay`, so that what a short run ships is not mostly the weights that it started from.
    """
    return min(decay, (1 + updates) / (10 + updates))


def check_batch(inputs: Arrays) -> None:
    """Refuse what no network takes, before a framework answers with an error of its own, or with a crash."""
    if not inputs:
        raise InputError("no inputs given; expected the arrays of preprocess(), stacked")
    sizes = {}
    for name, value in inputs.items():
        if not isinstance(value, np.ndarray) or value.dtype != np.float32 or value.ndim < 2 or not value.size:
            given = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
            raise InputError(f"{name}: {given} given; a network takes a float32 array (batch, ...) that is not empty")
        sizes[name] = len(value)
    if len(set(sizes.values())) > 1:
        raise InputError(f"inputs of different batch sizes: {sizes}; stack the same samples for each")


def open_engine(package: Package, config: object, framework: str, device: str, precision: str = UNREDUCED) -> Engine:
    """Build the network of an algorithm in one framework; imports that framework only.

    Of a backend that does not train this is a Runner; whoever wants more asks `check_trains` first.
    """
    kind = KINDS[framework]
    options = {} if precision == UNREDUCED else {"precision": precision}
    return cast(
        Engine, getattr(importlib.import_module(kind.module), kind.class_name)(package, config, device, **options)
    )


def precision_of(engine: Runner) -> str:
    """Name the precision that an engine computes in; frameworks know f32 only."""
    return str(getattr(engine, "precision", UNREDUCED))


def check_trains(engine: Runner, but: str = "does not train") -> None:
    """Raise BackendError for a runner that only predicts; `but` says what was asked of it."""
    if not KINDS[engine.framework].trains:
        raise BackendError(why_no_training(engine.framework, but))


def why_no_training(framework: str, but: str) -> str:
    """Say that a backend only predicts, and which ones do more."""
    able = ", ".join(name for name, kind in KINDS.items() if kind.trains)
    return f"{framework} predicts and {but}; load the model with one of: {able}"
