"""What a framework promises: NumPy in, NumPy out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from zoo.common.recipe import Recipe
from zoo.common.types import Arrays


class Engine(Protocol):
    """One network on one device, driven by NumPy arrays; `engine_torch` and `engine_mindspore` implement it."""

    framework: str
    device: str

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
