"""AdamW and SGD as PyTorch defines them, for MindSpore (its own versions compute something else)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import mindspore
import numpy as np
from mindspore import Parameter, Tensor, ops

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Kingma & Ba 2015, algorithm 1


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2)."""

    slots = ("exp_avg", "exp_avg_sq")

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.step = 0
        self.state = {slot: [ops.zeros_like(p) for p in parameters] for slot in self.slots}

    def update(
        self, parameters: Sequence[Parameter], gradients: Sequence[Tensor], rates: list[float], decays: list[float]
    ) -> None:
        """Change the parameters in place."""
        self.step += 1
        # 1 - beta^t loses 1e-5 relative in float32; expm1 on Python floats does not
        correction1 = -math.expm1(self.step * math.log(BETA1))
        correction2 = math.sqrt(-math.expm1(self.step * math.log(BETA2)))
        first, second = self.state["exp_avg"], self.state["exp_avg_sq"]
        for i, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
            first[i] = first[i] * BETA1 + gradient * (1 - BETA1)
            second[i] = second[i] * BETA2 + gradient * gradient * (1 - BETA2)
            scale = ops.sqrt(second[i]) / correction2 + EPSILON
            value = parameter * (1 - rates[i] * decays[i]) - first[i] / scale * (rates[i] / correction1)
            ops.assign(parameter, value)


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


def to_arrays(optimiser: AdamW | Sgd, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Copy the optimiser's state out, under the names of the parameters."""
    arrays = {"step.": np.array(optimiser.step)}
    for slot, tensors in optimiser.state.items():
        arrays |= {f"{slot}.{name}": tensor.asnumpy().copy() for name, tensor in zip(names, tensors, strict=True)}
    return arrays


def from_arrays(optimiser: AdamW | Sgd, names: Sequence[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Put a state from `to_arrays` back."""
    optimiser.step = int(arrays["step."])
    for slot in optimiser.slots:
        optimiser.state[slot] = [mindspore.Tensor(arrays[f"{slot}.{name}"]) for name in names]
