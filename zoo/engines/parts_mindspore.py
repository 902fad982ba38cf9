"""What each phase of a MindSpore training trains, and by what; and what its owner finds unchanged afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn

from zoo.common.phases import Phase, share_out
from zoo.common.recipe import Recipe
from zoo.common.types import Arrays
from zoo.engines.engine import check_fixed, decays, rate_factor
from zoo.engines.optimisers_mindspore import AdamW, Sgd, open_optimiser


class Standing:
    """How the owner of a network left it before a training: its modes, and which weights may learn."""

    def __init__(self, net: nn.Cell, freeze: tuple[str, ...], never: set[str]) -> None:
        check_fixed([p.name for p in net.get_parameters() if not p.requires_grad and p.name not in never], freeze)
        self._modes = [(cell, cell.training) for _, cell in net.cells_and_names()]
        self._learns = [(parameter, parameter.requires_grad) for parameter in net.get_parameters()]

    def restore(self) -> None:
        """Bring it all back."""
        for cell, is_training in self._modes:
            cell.training = is_training
        for parameter, learns in self._learns:
            parameter.requires_grad = learns


def seed_numbers(seed: int) -> None:
    """Let MindSpore draw numbers of a seed; NumPy's own, which it seeds as well, stay those of others."""
    before = np.random.get_state()
    ms.set_seed(seed % 2**31)
    np.random.set_state(before)


def tensors(arrays: Arrays) -> dict[str, Tensor]:
    """Hand arrays to MindSpore."""
    return {name: Tensor(np.ascontiguousarray(value)) for name, value in arrays.items()}


@dataclass(frozen=True)
class Part:
    """What one phase trains: its parameters, the multiple of the rate and the decay of each, its optimiser."""

    phase: str
    parameters: dict[str, Parameter]
    rates: list[float]
    decays: list[float]
    optimiser: AdamW | Sgd


def open_parts(
    trained: dict[str, Parameter],
    recipe: Recipe,
    head: tuple[str, ...],
    undecayed: tuple[str, ...],
    phases: tuple[Phase, ...],
) -> list[Part]:
    """Return a part for each phase that has something to learn, with an optimiser of its own."""
    parts = []
    for phase, names in zip(phases, share_out(trained, phases), strict=True):
        if not names:  # all frozen: nothing to do
            continue
        own = {name: trained[name] for name in names}
        called = [name.rpartition("/")[2] for name in own]  # in its own network
        rates = [rate_factor(name, recipe, head) for name in called]
        shaped = [(name, tuple(p.shape)) for name, p in zip(called, own.values(), strict=True)]
        losing = [recipe.weight_decay if decays(*one, undecayed) else 0.0 for one in shaped]
        parts.append(Part(phase.name, own, rates, losing, open_optimiser(recipe, list(own.values()))))
    return parts
