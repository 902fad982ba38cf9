"""What each phase of a MindSpore training trains, and by what."""

from __future__ import annotations

from dataclasses import dataclass

from mindspore import Parameter

from zoo.common.phases import Phase, share_out
from zoo.common.recipe import Recipe
from zoo.engines.engine import decays, rate_factor
from zoo.engines.optimisers_mindspore import AdamW, Sgd, open_optimiser


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
