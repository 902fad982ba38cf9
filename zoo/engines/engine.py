"""What a framework promises: NumPy in, NumPy out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from zoo.common.recipe import Recipe
from zoo.common.types import Arrays
from zoo.registry.package import Package


class Engine(Protocol):
    """One network on one device, driven by NumPy arrays; `engine_torch` and `engine_mindspore` implement it."""

    framework: str
    device: str
    net: Any  # the framework's own network

    def forward(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Run the network in evaluation mode on a batch."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name every weight (parameters and running statistics) with its shape."""

    def weights(self, *, averaged: bool = False) -> dict[str, np.ndarray]:
        """Copy the weights, or their moving average, out of the network."""

    def load(self, weights: Arrays) -> None:
        """Put weights in; names and shapes are exactly those of `shapes()`."""

    def start_training(self, recipe: Recipe, head: tuple[str, ...]) -> None:
        """Build the optimiser; `head` names the prefixes that train at the full rate."""

    def step(self, inputs: Arrays, targets: Arrays, learning_rate: float, seed: int) -> dict[str, float]:
        """Update the weights once; return the named loss terms and `grad_norm`."""

    def training_state(self) -> dict[str, np.ndarray]:
        """Copy the optimiser's state and the moving average."""

    def load_training_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `training_state()` of an equal run."""


def decays(shape: tuple[int, ...]) -> bool:
    """Tell whether weight decay applies: to kernels, not to biases and norms."""
    return len(shape) > 1


def rate_factor(name: str, recipe: Recipe, head: tuple[str, ...]) -> float:
    """Return the learning rate of one parameter as a multiple of the head's."""
    return 1.0 if name.startswith(head) else recipe.body_factor


def open_engine(package: Package, config: object, framework: str, device: str) -> Engine:
    """Build the network of an algorithm in one framework; imports that framework only."""
    if framework == "torch":
        from zoo.engines.engine_torch import TorchEngine

        return TorchEngine(package, config, device)
    from zoo.engines.engine_mindspore import MindSporeEngine

    return MindSporeEngine(package, config, device)
