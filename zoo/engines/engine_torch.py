"""The PyTorch engine: one network, its optimiser and its device behind NumPy arrays."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from zoo.common.methods.contract import BEGINNING, Moment
from zoo.common.phases import ALL, Phase
from zoo.common.recipe import Recipe
from zoo.common.segmentation.options_torch import option_losses
from zoo.common.types import Arrays
from zoo.engines.backends_torch import has_device as has_device
from zoo.engines.companions_torch import Companions, states
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
from zoo.engines.evaluation_torch import Evaluation, channels_last
from zoo.engines.joint import Order, check_equal, check_joint
from zoo.engines.joint_torch import Joint
from zoo.engines.parts_torch import Part, Standing, make_safe, numbers_of, only, open_training
from zoo.engines.turns import Origin, Turns
from zoo.registry.package import Package

Tensors = dict[str, torch.Tensor]
Pair = tuple[Tensors, Tensors]  # inputs, targets
ORIGIN = Origin()  # of PyTorch's threads
SEEDED = threading.RLock()  # random numbers come from one generator for all networks of the process


class TorchEngine:
    """Runs and trains the `Net` of a package's net_torch.py."""

    framework = "torch"

    def __init__(self, package: Package, config: Any, device: str) -> None:
        self.device = device
        self.config = config
        self._package = package
        self._losses, self._objective = package.losses("torch"), package.objective("torch")
        self.net = package.net("torch")(config).to(device).eval()
        self._evaluation = Evaluation()
        self._turns = Turns()  # predictions together, whatever changes the weights alone
        self._recipe = Recipe()
        self._before: Standing | None = None  # of a training
        self._optimiser: torch.optim.Optimizer | None = None
        self._parts: list[Part] = []  # what each phase trains
        self._average: dict[str, torch.Tensor] = {}
        self._updates = 0  # of the average
        self._companions: Companions | None = None  # of a method that needs more than the network
        self._moment = BEGINNING
        self._joint: Joint | None = None  # of a training on several devices

    def forward(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Run the network in evaluation mode on a batch, whatever mode and weights its owner left it with."""
        check_batch(inputs)
        self._enter()
        with self._turns.together(), torch.inference_mode():
            dtype = next((p.dtype for p in self.net.parameters() if p.is_floating_point()), torch.float32)
            tensors = [channels_last(value).to(dtype) for value in self._tensors(inputs).values()]
            outputs = self._evaluation.run(self.net, *tensors)
            return {name: value.float().cpu().numpy() for name, value in outputs.items()}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name every weight with its shape."""
        return {name: tuple(value.shape) for name, value in self._state().items()}

    def weights(self, *, averaged: bool = False) -> dict[str, np.ndarray]:
        """Copy the weights, or their moving average, out of the network."""
        self._enter()
        with self._turns.together():
            own = self._state()  # the average holds further networks, too
            state = {name: self._average[name] for name in own} if averaged and self._average else own
            return {name: value.detach().cpu().numpy().copy() for name, value in state.items()}

    def load(self, weights: Arrays) -> None:
        """Put weights in; names and shapes are exactly those of `shapes()`."""
        self._enter()
        with self._turns.alone(), torch.no_grad():
            for name, value in self._state().items():
                value.copy_(torch.from_numpy(np.array(weights[name])))
            self._changed()

    def companion(self, name: str, *, averaged: bool = False) -> dict[str, np.ndarray]:
        """Copy the weights of a further network out, such as "teacher" or "partner1"."""
        assert self._companions is not None
        state = states(self._companions.all[name])
        kept = {own: self._average[f"{name}/{own}"] for own in state} if averaged and self._average else state
        return {own: value.detach().cpu().numpy().copy() for own, value in kept.items()}

    def start_training(
        self,
        recipe: Recipe,
        head: tuple[str, ...],
        undecayed: tuple[str, ...] = (),
        phases: tuple[Phase, ...] = ALL,
        learning: Learning | None = None,
    ) -> None:
        """Build the optimiser; `head` and `undecayed` are prefixes, see Algorithm. learning: of another method."""
        self.end_training()
        self._recipe, self._before = recipe, Standing(self.net, recipe.freeze)
        self._companions = Companions(learning, self._package, self.config, self.net) if learning else None
        self._optimiser, self._parts = open_training(self._parameters(), recipe, head, undecayed, phases)
        self._average = {n: v.detach().clone() for n, v in self._learned().items()} if recipe.ema_decay else {}
        self._updates = 0
        if (joint := Joint.of_process()) is not None:
            check_joint(self._objective is not None, self._companions is not None)
            joint.announce(self, recipe, head, undecayed, phases)
        self._joint = joint

    def end_training(self) -> None:
        """Let go of what only steps need; the network is left in the mode, and as free to learn, as it was before."""
        if self._before is not None:
            self._before.restore()
        self._before, self._optimiser, self._parts, self._average, self._companions = None, None, [], {}, None

    def like(self, config: Any) -> TorchEngine:
        """Return an engine for the same network under another configuration."""
        return TorchEngine(self._package, config, self.device)

    def follow(self, order: Order) -> None:
        """Take the step that the leader of a training on several devices told."""
        assert self._joint is not None
        if order.state is not None:
            if self._joint.rows:
                check_equal(self.weights(), order.state[0], self._joint.rank)
            self.load(order.state[0])
            self.load_training_state(order.state[1])
        self._joint.rows = order.rows
        self._take(order.inputs, order.targets, order.learning_rate, order.seed)

    def step(
        self, inputs: Arrays, targets: Arrays, learning_rate: float, seed: int, moment: Moment = BEGINNING
    ) -> Step:
        """Update the weights of each phase once; stop at a phase whose loss or gradient is not finite."""
        if self._optimiser is None:
            raise RuntimeError("start_training() comes before step()")
        self._enter(trains=True)
        self._moment = moment
        if self._joint is not None:
            state = (self.weights(), self.training_state()) if self._joint.is_stale else None
            inputs = self._joint.share(inputs, targets, learning_rate, seed, state)
        return self._take(inputs, targets, learning_rate, seed)

    def _take(self, inputs: Arrays, targets: Arrays, learning_rate: float, seed: int) -> Step:
        own = seed if self._joint is None else self._joint.seed(seed)
        with SEEDED, self._turns.alone(), numbers_of(own):
            self._train_mode()
            batch = self._tensors(inputs), self._tensors(targets)
            optimiser = self._optimiser
            assert optimiser is not None
            step = take_in_turn(len(self._parts), lambda part: self._step(optimiser, part, batch, learning_rate, seed))
            if math.isfinite(step.grad_norm):
                self._update_average()
                if self._companions is not None:
                    self._companions.follow(self.net, self._moment)
            return step

    def _step(self, optimiser: torch.optim.Optimizer, part: int, batch: Pair, learning_rate: float, seed: int) -> Step:
        phase, own = self._parts[part]
        with only(own, self._parts):
            terms = self._terms(*batch, phase.name, np.random.default_rng([seed, part]))
            total = torch.stack(list(terms.values())).sum()
            values = {name: float(value.detach()) for name, value in terms.items()}
            told = self._companions.told if self._companions else {}
            if not (bool(torch.isfinite(total)) if self._joint is None else self._joint.all_finite(total)):
                return Step(values, float("nan"), told)
            return Step(values, self._descend(optimiser, own, total, learning_rate), told)

    def losses(self, outputs: Arrays, targets: Arrays) -> dict[str, float]:
        """Return the named, weighted loss terms of what `forward` gave; {} where the loss needs the network."""
        if self._losses is None:
            return {}
        self._enter()
        with torch.inference_mode():
            terms = self._supervised(self._tensors(outputs), self._tensors(targets))
            return {name: float(value) for name, value in terms.items()}

    def training_state(self) -> dict[str, np.ndarray]:
        """Copy the optimiser's state and the moving average."""
        state = {f"average.{name}": value.cpu().numpy().copy() for name, value in self._average.items()}
        state |= {UPDATES: np.array(self._updates)} if self._average else {}
        state |= self._companions.arrays() if self._companions else {}
        for name, parameter in self._parameters():
            for key, value in (self._optimiser.state[parameter] if self._optimiser else {}).items():
                if value is not None:
                    state[f"{key}.{name}"] = torch.as_tensor(value).detach().cpu().numpy().copy()
        return state

    def load_training_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `training_state()` of an equal run."""
        parameters = dict(self._parameters())
        self._updates = int(state[UPDATES].item()) if UPDATES in state else WARMED_UP
        for full_name, array in state.items():
            key, name = full_name.split(".", 1)
            value = torch.from_numpy(np.array(array))
            if key == "average":
                self._average[name] = value.to(self.device)
            elif key in (COMPANION, MEMORY):
                if self._companions is not None:
                    self._companions.load(key, name, array)
            elif self._optimiser is not None and full_name != UPDATES:
                on_device = value if key == "step" else value.to(self.device)
                self._optimiser.state[parameters[name]][key] = on_device
        self._changed()

    def _changed(self) -> None:
        """Note that the other processes of a training have other weights now."""
        if self._joint is not None:
            self._joint.is_stale = True

    def _enter(self, trains: bool = False) -> None:
        if ORIGIN.is_inherited():
            make_safe(self.device, trains)

    def _state(self) -> dict[str, torch.Tensor]:
        return {k: v for k, v in self.net.state_dict().items() if not k.endswith("num_batches_tracked")}

    def _parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """List all that may learn, under `<companion>/<name>` where it is not the network's own."""
        more = self._companions.parameters() if self._companions else []
        return [*self.net.named_parameters(), *more]

    def _learned(self) -> dict[str, torch.Tensor]:
        """Return the weights of all networks that learn, by the same names."""
        more = self._companions.learned() if self._companions else {}
        return {**self._state(), **more}

    def _tensors(self, arrays: Arrays) -> dict[str, torch.Tensor]:
        # not channels last, as in forward(): PyTorch 2.13 then writes beyond its memory in the gradient of 1 x 1
        # convolutions of stride 2 over fewer than 16 channels
        return {k: torch.from_numpy(np.ascontiguousarray(v)).to(self.device) for k, v in arrays.items()}

    def _train_mode(self) -> None:
        for net in [self.net, *(self._companions.all.values() if self._companions else ())]:
            net.train()
            for name, module in net.named_modules():
                if name and f"{name}.".startswith(self._recipe.freeze or ("\0",)):
                    module.eval()  # frozen norms keep their running statistics

    def _terms(self, inputs: Tensors, targets: Tensors, phase: str, rng: np.random.Generator) -> Tensors:
        kind = self.device.split(":")[0]
        precise = not (self._recipe.mixed_precision and kind != "cpu")
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=not precise):
            if self._objective is not None:
                found: Tensors = self._objective(self.net, inputs, targets, self.config, phase, rng)
                return found
            if self._companions is not None:
                return self._companions.terms(self.net, (inputs, targets), self._supervised, self._moment, rng)
            outputs = self.net(*inputs.values()) if self._joint is None else self._joint.run(self.net, inputs)
        return self._supervised({k: v.float() for k, v in outputs.items()}, targets)

    def _supervised(self, outputs: Tensors, targets: Tensors) -> Tensors:
        if self._recipe.loss:
            return option_losses(outputs, targets, self._recipe.loss, self._recipe.class_weights)
        assert self._losses is not None  # a package has one of the two
        terms: Tensors = self._losses(outputs, targets, self.config)
        return terms

    def _descend(
        self,
        optimiser: torch.optim.Optimizer,
        own: list[torch.nn.Parameter],
        total: torch.Tensor,
        learning_rate: float,
    ) -> float:
        """Take one step if the gradient is finite; return its length."""
        optimiser.zero_grad(set_to_none=True)  # an optimiser passes over weights without a gradient
        total.backward()
        if self._joint is not None:
            self._joint.add_up(own)
        norm = torch.nn.utils.clip_grad_norm_(own, self._recipe.clip_norm or float("inf"))
        if bool(torch.isfinite(norm)):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate * group["factor"]
            optimiser.step()
        return float(norm)

    def _update_average(self) -> None:
        decay = average_decay(self._recipe.ema_decay, self._updates)
        for name, value in (self._learned() if self._average else {}).items():
            self._average[name].lerp_(value.detach(), 1 - decay)
        self._updates += 1
