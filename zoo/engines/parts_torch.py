"""What a PyTorch engine trains: the optimiser with its groups of weights, and the phases that share them out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import torch

from zoo.common.errors import BackendError, ZooWarning
from zoo.common.phases import Phase, share_out
from zoo.common.recipe import Recipe
from zoo.engines.engine import decays, rate_factor
from zoo.engines.turns import SPAWN

EPSILON = 1e-8  # Kingma & Ba 2015, algorithm 1
Part: TypeAlias = "tuple[Phase, list[torch.nn.Parameter]]"  # a phase, and what it trains


def open_training(
    parameters: Iterable[tuple[str, torch.nn.Parameter]],
    recipe: Recipe,
    head: tuple[str, ...],
    undecayed: tuple[str, ...],
    phases: tuple[Phase, ...],
) -> tuple[torch.optim.Optimizer, list[Part]]:
    """Build the optimiser, freeze what the recipe freezes, and share the rest out; names of companions hold a slash."""
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    trained = {}
    for full_name, parameter in parameters:
        name = full_name.rpartition("/")[2]
        parameter.requires_grad_(not name.startswith(recipe.freeze or ("\0",)))
        if parameter.requires_grad:
            trained[full_name] = parameter
            decay = recipe.weight_decay if decays(name, tuple(parameter.shape), undecayed) else 0.0
            groups.setdefault((rate_factor(name, recipe, head), decay), []).append(parameter)
    parts = [
        (phase, [trained[name] for name in own])
        for phase, own in zip(phases, share_out(trained, phases), strict=True)
        if own  # a phase whose weights are all frozen has nothing to do
    ]
    options = [{"params": p, "factor": factor, "weight_decay": decay} for (factor, decay), p in groups.items()]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(options, lr=0.0, momentum=recipe.momentum), parts
    return torch.optim.AdamW(options, lr=0.0, betas=recipe.betas, eps=EPSILON), parts


@contextmanager
def only(own: list[torch.nn.Parameter], parts: Iterable[Part]) -> Iterator[None]:
    """Let gradients reach the weights of one phase alone."""
    chosen = {id(parameter) for parameter in own}
    others = [p for _, parameters in parts for p in parameters if id(p) not in chosen]
    try:
        for parameter in others:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


def make_safe(device: str, trains: bool) -> None:
    """Refuse, or make safe, what follows in a process that was forked after PyTorch had computed."""
    if trains or device != "cpu":
        what = "train" if trains else f"use {device}"
        raise BackendError(f"this process was forked after PyTorch had computed and cannot {what}; {SPAWN}")
    if torch.get_num_threads() > 1:  # the threads of the parent are not there, and would be waited for
        torch.set_num_threads(1)
        message = f"forked after PyTorch had computed: this process computes on one thread; for more, {SPAWN}"
        warnings.warn(message, ZooWarning, stacklevel=5)
