"""AdamW and SGD as PyTorch defines them, for MindSpore (its own versions compute something else)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from mindspore import Parameter, Tensor, ops

from zoo.common.recipe import Recipe

EPSILON = 1e-8  # Kingma & Ba 2015, algorithm 1


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2)."""

    slots = ("exp_avg", "exp_avg_sq")

    def __init__(self, parameters: Sequence[Parameter], betas: tuple[float, float]) -> None:
        self.step = 0
        self._betas = betas
        self.state = {slot: [Parameter(ops.zeros_like(p)) for p in parameters] for slot in self.slots}
        self._change = ops.AdamWeightDecay()  # one operator in place of fifteen

    def update(
        self, parameters: Sequence[Parameter], gradients: Sequence[Tensor], rates: list[float], decays: list[float]
    ) -> None:
        """Change the parameters in place.

        The operator knows no correction of the first steps. PyTorch's moves into its rate and epsilon:
        r / c1 * m / (sqrt(v) / c2 + eps) = r c2 / c1 * m / (sqrt(v) + c2 eps), and the decay is divided by the same.
        """
        self.step += 1
        beta1, beta2 = self._betas
        correction1, correction2 = correction(beta1, self.step), math.sqrt(correction(beta2, self.step))
        factor, epsilon = correction2 / correction1, EPSILON * correction2
        slots = zip(*self.state.values(), strict=True)
        for parameter, gradient, slot, rate, decay in zip(parameters, gradients, slots, rates, decays, strict=True):
            self._change(parameter, *slot, rate * factor, beta1, beta2, epsilon, decay / factor, gradient)


class Sgd:
    """Stochastic gradient descent with momentum, as PyTorch's SGD without dampening."""

    slots = ("momentum_buffer",)

    def __init__(self, parameters: Sequence[Parameter], momentum: float) -> None:
        self.step = 0
        self._momentum = momentum
        self.state = {"momentum_buffer": [ops.zeros_like(p) for p in parameters]}

    def update(
        self, parameters: Sequence[Parameter], gradients: Sequence[Tensor], rates: list[float], decays: list[float]
    ) -> None:
        """Change the parameters in place."""
        self.step += 1
        buffers = self.state["momentum_buffer"]
        for i, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
            buffers[i] = buffers[i] * self._momentum + gradient + parameter * decays[i]
            ops.assign(parameter, parameter - buffers[i] * rates[i])


def open_optimiser(recipe: Recipe, parameters: Sequence[Parameter]) -> AdamW | Sgd:
    """Build the optimiser that a recipe names."""
    return Sgd(parameters, recipe.momentum) if recipe.optimiser == "sgd" else AdamW(parameters, recipe.betas)


def correction(beta: float, step: int) -> float:
    """Return 1 - beta^step, of which float32 would lose 1e-5 relative."""
    return -math.expm1(step * math.log(beta)) if beta else 1.0


def to_arrays(optimiser: AdamW | Sgd, names: Sequence[str], phase: str = "") -> dict[str, np.ndarray]:
    """Copy the optimiser's state of one phase out, under the names of the parameters."""
    arrays = {f"step.{phase}": np.array(optimiser.step)}
    for slot, tensors in optimiser.state.items():
        arrays |= {f"{slot}.{name}": tensor.asnumpy().copy() for name, tensor in zip(names, tensors, strict=True)}
    return arrays


def from_arrays(
    optimiser: AdamW | Sgd, names: Sequence[str], arrays: Mapping[str, np.ndarray], phase: str = ""
) -> None:
    """Put a state from `to_arrays` back."""
    optimiser.step = int(arrays[f"step.{phase}"].item())
    for slot in optimiser.slots:
        optimiser.state[slot] = [Parameter(Tensor(arrays[f"{slot}.{name}"])) for name in names]
