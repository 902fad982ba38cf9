"""What a PyTorch engine trains, by which optimiser, in which phases; and what its owner finds unchanged afterwards."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import torch
from torch import nn

from zoo.common.errors import BackendError, ZooWarning
from zoo.common.phases import Phase, share_out
from zoo.common.recipe import Recipe
from zoo.engines.engine import check_fixed, decays, rate_factor
from zoo.engines.turns import SPAWN

EPSILON = 1e-8  # Kingma & Ba 2015, algorithm 1
Part: TypeAlias = "tuple[Phase, list[torch.nn.Parameter]]"  # a phase, and what it trains


class Standing:
    """How the owner of a network left it before a training: its modes, and which weights may learn."""

    def __init__(self, net: nn.Module, freeze: tuple[str, ...]) -> None:
        check_fixed([name for name, p in net.named_parameters() if not p.requires_grad], freeze)
        self._modes = {module: module.training for module in net.modules()}
        self._learns = {parameter: parameter.requires_grad for parameter in net.parameters()}

    def restore(self) -> None:
        """Bring it all back; no gradient is left that the owner's own steps would add to."""
        for module, is_training in self._modes.items():
            module.training = is_training
        for parameter, learns in self._learns.items():
            parameter.requires_grad_(learns).grad = None


@contextmanager
def numbers_of(seed: int) -> Iterator[None]:
    """Draw random numbers of a seed; those that others draw afterwards are theirs."""
    before, on_devices = torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before)
        if on_devices:
            torch.cuda.set_rng_state_all(on_devices)


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
