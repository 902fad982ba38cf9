"""The MindSpore engine: one network, its optimiser and its device behind NumPy arrays."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import zoo.engines.backends_mindspore as backend  # isort: skip  (sets the environment before MindSpore is imported)

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, ops

from zoo.common.errors import BackendError
from zoo.common.methods.contract import BEGINNING, Moment
from zoo.common.phases import ALL, Phase
from zoo.common.recipe import Recipe
from zoo.common.segmentation.options_mindspore import option_losses
from zoo.common.types import Arrays
from zoo.engines.backends_mindspore import has_device as has_device
from zoo.engines.companions_mindspore import Companions, states
from zoo.engines.engine import (
    COMPANION,
    MEMORY,
    UPDATES,
    WARMED_UP,
    Learning,
    Step,
    average_decay,
    check_batch,
    take_in_turn,
)
from zoo.engines.joint import Order, check_equal, check_joint, part_of
from zoo.engines.joint_mindspore import Joint
from zoo.engines.optimisers_mindspore import from_arrays, to_arrays
from zoo.engines.parts_mindspore import Part, Standing, open_parts, seed_numbers, tensors
from zoo.engines.turns import SPAWN, Origin
from zoo.registry.package import Package

Tensors = dict[str, Tensor]
Pair = tuple[Tensors, Tensors]  # inputs, targets
ORIGIN = Origin()  # of MindSpore's threads
ONE_BY_ONE = threading.RLock()  # two threads inside MindSpore end the process


@contextmanager
def turn() -> Iterator[None]:
    """Wait for this thread's turn at MindSpore; refuse a child made by fork, in which any operator would hang."""
    if ORIGIN.is_inherited():
        raise BackendError(f"this process was forked after MindSpore was used, and would hang; {SPAWN}")
    with ONE_BY_ONE:
        yield


class MindSporeEngine:
    """Runs and trains the `Net` of a package's net_mindspore.py."""

    framework = "mindspore"

    def __init__(self, package: Package, config: Any, device: str) -> None:
        self.device = device
        self._package, self.config = package, config
        with turn():
            backend.prepare(device)
            self._losses, self._objective = package.losses("mindspore"), package.objective("mindspore")
            self.net = package.net("mindspore")(config)
            self.net.set_train(False)
            self._fixed = {p.name for p in self.net.get_parameters() if not p.requires_grad}  # statistics, frozen norms
        self._recipe = Recipe()
        self._before: Standing | None = None  # of a training
        self._parts: list[Part] = []  # what each phase trains, and by what
        self._average: dict[str, Tensor] = {}
        self._updates = 0  # of the average
        self._companions: Companions | None = None  # of a method that needs more than the network
        self._moment = BEGINNING
        self._joint: Joint | None = None  # of a training on several devices

    def forward(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Run the network in evaluation mode on a batch, whatever mode and weights its owner left it with."""
        check_batch(inputs)
        with turn():
            modes = {cell: cell.training for _, cell in self.net.cells_and_names()}
            self.net.set_train(False)
            try:
                outputs = self.net(*tensors(inputs).values())
                return {name: value.astype(ms.float32).asnumpy().copy() for name, value in outputs.items()}
            finally:
                for cell, training in modes.items():
                    cell.training = training

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name every weight with its shape."""
        return {name: tuple(value.shape) for name, value in self._state().items()}

    def weights(self, *, averaged: bool = False) -> dict[str, np.ndarray]:
        """Copy the weights, or their moving average, out of the network."""
        with turn():
            own = self._state()  # the average holds further networks, too
            state = {name: self._average[name] for name in own} if averaged and self._average else own
            return {name: value.asnumpy().copy() for name, value in state.items()}

    def load(self, weights: Arrays) -> None:
        """Put weights in; names and shapes are exactly those of `shapes()`."""
        with turn():
            for name, parameter in self._state().items():
                parameter.set_data(Tensor(np.array(weights[name], np.float32)))
            self._changed()

    def companion(self, name: str, *, averaged: bool = False) -> dict[str, np.ndarray]:
        """Copy the weights of a further network out, such as "teacher" or "partner1"."""
        assert self._companions is not None
        with turn():
            state = states(self._companions.all[name])
            kept = {own: self._average[f"{name}/{own}"] for own in state} if averaged and self._average else state
            return {own: value.asnumpy().copy() for own, value in kept.items()}

    def start_training(
        self,
        recipe: Recipe,
        head: tuple[str, ...],
        undecayed: tuple[str, ...] = (),
        phases: tuple[Phase, ...] = ALL,
        learning: Learning | None = None,
    ) -> None:
        """Build the optimisers; `head` and `undecayed` are prefixes, see Algorithm. learning: of another method."""
        with turn():
            self.end_training()
            self._before = Standing(self.net, recipe.freeze, self._fixed)
            self._companions = Companions(learning, self._package, self.config, self.net) if learning else None
            self._start_training(recipe, head, undecayed, phases)
            if (joint := Joint.of_process()) is not None:
                check_joint(self._objective is not None, self._companions is not None)
                joint.announce(self, recipe, head, undecayed, phases)
            self._joint = joint

    def end_training(self) -> None:
        """Let go of what only steps need; the network is left in the mode, and as free to learn, as it was before."""
        with turn():
            if self._before is not None:
                self._before.restore()
            self._before, self._parts, self._average, self._companions = None, [], {}, None

    def like(self, config: Any) -> MindSporeEngine:
        """Return an engine for the same network under another configuration."""
        return MindSporeEngine(self._package, config, self.device)

    def follow(self, order: Order) -> None:
        """Take the step that the leader of a training on several devices told."""
        assert self._joint is not None
        if order.state is not None:
            if self._joint.rows:
                check_equal(self.weights(), order.state[0], self._joint.rank)
            self.load(order.state[0])
            self.load_training_state(order.state[1])
        self._joint.rows = order.rows
        with turn():
            own = part_of(order.inputs, order.rows, self._joint.rank)
            self._take(own, order.targets, order.learning_rate, order.seed)

    def _start_training(
        self, recipe: Recipe, head: tuple[str, ...], undecayed: tuple[str, ...], phases: tuple[Phase, ...]
    ) -> None:
        self._recipe, self._updates = recipe, 0
        if recipe.mixed_precision and self.device != "cpu":  # the CPU has no bfloat16 kernels; not tried on an NPU
            self.net = ms.amp.auto_mixed_precision(self.net, "auto", ms.bfloat16)
        trained, fixed = {}, self._fixed | (self._companions.fixed if self._companions else set())
        for full_name, parameter in self._learned().items():
            name = full_name.rpartition("/")[2]
            parameter.requires_grad = full_name not in fixed and not name.startswith(recipe.freeze or ("\0",))
            if parameter.requires_grad:
                trained[full_name] = parameter
        self._parts = open_parts(trained, recipe, head, undecayed, phases)
        self._average = {n: Tensor(p.asnumpy().copy()) for n, p in self._learned().items()} if recipe.ema_decay else {}

    def step(
        self, inputs: Arrays, targets: Arrays, learning_rate: float, seed: int, moment: Moment = BEGINNING
    ) -> Step:
        """Update the weights of each phase once; stop at a phase whose loss or gradient is not finite."""
        if not self._parts:
            raise RuntimeError("start_training() comes before step()")
        with turn():
            self._moment = moment
            if self._joint is not None:
                state = (self.weights(), self.training_state()) if self._joint.is_stale else None
                inputs = self._joint.share(inputs, targets, learning_rate, seed, state)
            return self._take(inputs, targets, learning_rate, seed)

    def _take(self, inputs: Arrays, targets: Arrays, learning_rate: float, seed: int) -> Step:
        seed_numbers(seed if self._joint is None else self._joint.seed(seed))
        self._train_mode()
        batch = tensors(inputs), tensors(targets)
        step = take_in_turn(
            len(self._parts),
            lambda part: self._step(self._parts[part], batch, learning_rate, np.random.default_rng([seed, part])),
        )
        if np.isfinite(step.grad_norm):
            self._update_average()
            if self._companions is not None:
                self._companions.follow(self.net, self._moment)
        return step

    def _step(self, part: Part, batch: Pair, learning_rate: float, rng: np.random.Generator) -> Step:
        parameters = list(part.parameters.values())
        if self._companions is not None:
            self._companions.ask(self.net, batch, self._supervised, self._moment, rng)

        def total(inputs: Tensors, targets: Tensors) -> tuple[Tensor, Tensors]:
            terms = self._terms(inputs, targets, part.phase, rng)
            return sum(terms.values()), terms

        differentiate = ms.value_and_grad(total, None, ms.ParameterTuple(parameters), has_aux=True)
        (value, terms), gradients = differentiate(*batch)
        values = {name: float(term.asnumpy()) for name, term in terms.items()}
        if self._joint is not None:
            gradients = self._joint.add_up(gradients)
        norm = float(ops.sqrt(sum((ops.reduce_sum(g * g) for g in gradients), Tensor(0.0))).asnumpy())
        told = self._companions.told if self._companions else {}
        is_finite = np.isfinite(float(value.asnumpy())) if self._joint is None else self._joint.all_finite(value)
        if not is_finite or not np.isfinite(norm):
            return Step(values, float("nan"), told)
        clip = self._recipe.clip_norm
        if clip and norm > clip:
            gradients = [g * (clip / (norm + 1e-6)) for g in gradients]  # PyTorch's epsilon
        part.optimiser.update(parameters, gradients, [learning_rate * f for f in part.rates], part.decays)
        return Step(values, norm, told)

    def losses(self, outputs: Arrays, targets: Arrays) -> dict[str, float]:
        """Return the named, weighted loss terms of what `forward` gave; {} where the loss needs the network."""
        if self._losses is None:
            return {}
        with turn():
            terms = self._supervised(tensors(outputs), tensors(targets))
            return {name: float(value.asnumpy()) for name, value in terms.items()}

    def training_state(self) -> dict[str, np.ndarray]:
        """Copy the optimiser's state and the moving average."""
        with turn():
            state = {f"average.{name}": value.asnumpy().copy() for name, value in self._average.items()}
            state |= {UPDATES: np.array(self._updates)} if self._average else {}
            state |= self._companions.arrays() if self._companions else {}
            for part in self._parts:
                state |= to_arrays(part.optimiser, list(part.parameters), part.phase)
            return state

    def load_training_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `training_state()` of an equal run."""
        with turn():
            self._updates = int(state[UPDATES].item()) if UPDATES in state else WARMED_UP
            for name in self._average:
                self._average[name] = Tensor(state[f"average.{name}"])
            for full_name, array in state.items():
                key, name = full_name.split(".", 1)
                if key in (COMPANION, MEMORY) and self._companions is not None:
                    self._companions.load(key, name, array)
            for part in self._parts:
                from_arrays(part.optimiser, list(part.parameters), state, part.phase)
            self._changed()

    def _changed(self) -> None:
        """Note that the other processes of a training have other weights now."""
        if self._joint is not None:
            self._joint.is_stale = True

    def _state(self) -> dict[str, Parameter]:
        return {p.name: p for p in self.net.get_parameters()}

    def _learned(self) -> dict[str, Parameter]:
        """Return the weights of all networks that learn, under `<companion>/<name>` where they are not the first's."""
        return {**self._state(), **(self._companions.learned() if self._companions else {})}

    def _terms(self, inputs: Tensors, targets: Tensors, phase: str, rng: np.random.Generator) -> Tensors:
        if self._objective is not None:
            found: Tensors = self._objective(self.net, inputs, targets, self.config, phase, rng)
            return found
        if self._companions is not None:
            return self._companions.terms()
        found = self.net(*inputs.values()) if self._joint is None else self._joint.run(self.net, inputs)
        return self._supervised({name: value.astype(ms.float32) for name, value in found.items()}, targets)

    def _supervised(self, outputs: Tensors, targets: Tensors) -> Tensors:
        if self._recipe.loss:
            return option_losses(outputs, targets, self._recipe.loss, self._recipe.class_weights)
        assert self._losses is not None  # a package has one of the two
        terms: Tensors = self._losses(outputs, targets, self.config)
        return terms

    def _train_mode(self) -> None:
        for net in [self.net, *(self._companions.all.values() if self._companions else ())]:
            net.set_train(True)
            for name, cell in net.cells_and_names():
                if name and f"{name}.".startswith(self._recipe.freeze or ("\0",)):
                    cell.set_train(False)  # frozen norms keep their running statistics

    def _update_average(self) -> None:
        decay = average_decay(self._recipe.ema_decay, self._updates)
        for name, value in (self._learned() if self._average else {}).items():
            self._average[name] = ops.lerp(self._average[name], value, 1 - decay)
        self._updates += 1
