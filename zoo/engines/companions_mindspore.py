"""The further networks of a method in MindSpore: partners that learn, a teacher that follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from zoo.common.methods import loss_module
from zoo.common.methods.contract import Moment
from zoo.common.methods.run_mindspore import Run, Tensors
from zoo.engines.engine import COMPANION, MEMORY, Learning
from zoo.registry.package import Package

TEACHER = "teacher"


class Companions:
    """What a method has beside the network that is shipped; `all` holds them by name, the partners first."""

    def __init__(self, learning: Learning, package: Package, config: Any, net: nn.Cell) -> None:
        self._method = learning.method
        self._module = loss_module(learning.method, "mindspore")
        self._guidance: Tensors = {}
        self.memory: dict[str, np.ndarray] = {}
        self.told: dict[str, float] = {}
        self.all: dict[str, nn.Cell] = {}
        self.fixed: set[str] = set()  # statistics, frozen norms
        for name, kind in self._method.partners().items():
            self.all[name] = package.part("mindspore", kind)(config)
            for parameter in self.all[name].get_parameters():
                parameter.name = f"{name}/{parameter.name}"  # a gradient is refused where two have one name
            self.fixed |= {f"{name}/{own}" for own, p in states(self.all[name]).items() if not p.requires_grad}
            shapes = {own: tuple(value.shape) for own, value in states(self.all[name]).items()}
            put(self.all[name], learning.draw(name, shapes))
        self._partners = list(self.all)
        if self._method.has_teacher:
            self.all[TEACHER] = package.net("mindspore")(config)
            put(self.all[TEACHER], {name: value.asnumpy() for name, value in states(net).items()})
            for parameter in self.all[TEACHER].get_parameters():
                parameter.requires_grad = False

    def learned(self) -> dict[str, Parameter]:
        """Return the weights of those that learn, as `<companion>/<name>`."""
        return {f"{name}/{own}": value for name in self._partners for own, value in states(self.all[name]).items()}

    def ask(
        self,
        net: nn.Cell,
        batch: tuple[Tensors, Tensors],
        losses: Callable[[Tensors, Tensors], Tensors],
        moment: Moment,
        rng: np.random.Generator,
    ) -> None:
        """Begin a step with what has no gradient."""
        spread = float(next(iter(batch[0].values())).asnumpy().std())
        nets = [net, *(self.all[name] for name in self._partners)]
        self._run = Run(nets, self.all.get(TEACHER), *batch, losses, moment, rng, spread, self.memory)
        guidance = self._module.guide(self._run, self._method) if hasattr(self._module, "guide") else {}
        self._guidance = {name: ops.stop_gradient(value) for name, value in guidance.items()}

    def terms(self) -> Tensors:
        """Ask the method for the terms of the step that ask() began."""
        found: Tensors = self._module.terms(self._run, self._guidance, self._method)
        self.told = self._run.told
        return found

    def follow(self, net: nn.Cell, moment: Moment) -> None:
        """Let the teacher follow the network, running statistics included."""
        if TEACHER in self.all:
            decay, own = self._method.teacher_decay(moment), states(self.all[TEACHER])
            for name, value in states(net).items():
                own[name].set_data(ops.lerp(own[name], value, Tensor(1 - decay, ms.float32)))

    def arrays(self) -> dict[str, np.ndarray]:
        """Copy all that a run needs to go on."""
        found = {f"{MEMORY}.{name}": value.copy() for name, value in self.memory.items()}
        for name, net in self.all.items():
            for own, value in states(net).items():
                found[f"{COMPANION}.{name}/{own}"] = value.asnumpy().copy()
        return found

    def load(self, key: str, name: str, value: np.ndarray) -> None:
        """Put back one of `arrays()`; key: what it begins with."""
        if key == MEMORY:
            self.memory[name] = np.array(value)
            return
        companion, own = name.split("/", 1)
        put(self.all[companion], {own: value})


def states(net: nn.Cell) -> dict[str, Parameter]:
    """Return parameters and running statistics by name."""
    return {p.name.rpartition("/")[2]: p for p in net.get_parameters()}


def put(net: nn.Cell, weights: dict[str, np.ndarray] | Any) -> None:
    """Overwrite some weights."""
    own = states(net)
    for name, value in weights.items():
        own[name].set_data(Tensor(np.array(value, np.float32)))
