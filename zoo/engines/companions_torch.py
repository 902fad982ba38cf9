"""The further networks of a method in PyTorch: partners that learn, a teacher that follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from zoo.common.methods import loss_module
from zoo.common.methods.contract import Moment
from zoo.common.methods.run_torch import Run, Tensors
from zoo.engines.engine import COMPANION, MEMORY, Learning
from zoo.registry.package import Package

TEACHER = "teacher"


class Companions:
    """What a method has beside the network that is shipped; `all` holds them by name, the partners first."""

    def __init__(self, learning: Learning, package: Package, config: Any, net: nn.Module) -> None:
        self._method = learning.method
        self._module = loss_module(learning.method, "torch")
        self._device = next(net.parameters()).device
        self.memory: dict[str, np.ndarray] = {}
        self.told: dict[str, float] = {}
        self.all: dict[str, nn.Module] = {}
        for name, kind in self._method.partners().items():
            self.all[name] = package.part("torch", kind)(config).to(self._device)
            shapes = {own: tuple(value.shape) for own, value in states(self.all[name]).items()}
            put(self.all[name], learning.draw(name, shapes))
        self._partners = list(self.all)
        if self._method.has_teacher:
            self.all[TEACHER] = package.net("torch")(config).to(self._device).requires_grad_(False)
            put(self.all[TEACHER], {name: value.detach().cpu().numpy() for name, value in states(net).items()})

    def parameters(self) -> list[tuple[str, nn.Parameter]]:
        """List what learns, as `<companion>/<name>`."""
        return [(f"{name}/{own}", p) for name in self._partners for own, p in self.all[name].named_parameters()]

    def learned(self) -> Tensors:
        """Return the weights of those that learn, as `<companion>/<name>`."""
        return {f"{name}/{own}": value for name in self._partners for own, value in states(self.all[name]).items()}

    def terms(
        self,
        net: nn.Module,
        batch: tuple[Tensors, Tensors],
        losses: Callable[[Tensors, Tensors], Tensors],
        moment: Moment,
        rng: np.random.Generator,
    ) -> Tensors:
        """Ask the method for the terms of a step."""
        spread = float(next(iter(batch[0].values())).std(correction=0))
        nets = [net, *(self.all[name] for name in self._partners)]
        run = Run(nets, self.all.get(TEACHER), *batch, losses, moment, rng, spread, self.memory)
        guidance: Tensors = {}
        if hasattr(self._module, "guide"):
            with torch.no_grad():
                guidance = self._module.guide(run, self._method)
        found: Tensors = self._module.terms(run, guidance, self._method)
        self.told = run.told
        return found

    def follow(self, net: nn.Module, moment: Moment) -> None:
        """Let the teacher follow the network, running statistics included."""
        if TEACHER in self.all:
            decay, own = self._method.teacher_decay(moment), states(self.all[TEACHER])
            for name, value in states(net).items():
                own[name].lerp_(value.detach(), 1 - decay)

    def arrays(self) -> dict[str, np.ndarray]:
        """Copy all that a run needs to go on."""
        found = {f"{MEMORY}.{name}": value.copy() for name, value in self.memory.items()}
        for name, net in self.all.items():
            for own, value in states(net).items():
                found[f"{COMPANION}.{name}/{own}"] = value.detach().cpu().numpy().copy()
        return found

    def load(self, key: str, name: str, value: np.ndarray) -> None:
        """Put back one of `arrays()`; key: what it begins with."""
        if key == MEMORY:
            self.memory[name] = np.array(value)
            return
        companion, own = name.split("/", 1)
        put(self.all[companion], {own: value})


def states(net: nn.Module) -> Tensors:
    """Return parameters and running statistics by name."""
    return {name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}


def put(net: nn.Module, weights: dict[str, np.ndarray] | Any) -> None:
    """Overwrite some weights."""
    own = states(net)
    with torch.no_grad():
        for name, value in weights.items():
            own[name].copy_(torch.from_numpy(np.array(value)))
